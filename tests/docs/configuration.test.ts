import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { configurationPage, exampleNames, readVariables } from '../../scripts/configuration-page.ts'
import { readConfig } from '../../src/config.ts'
import { read } from './pages.ts'

const variables = readVariables(read('.env.example'))

it('the page has every variable with its default and its meaning, as .env.example tells them', () => {
  const page = read('docs/configuration.md')
  expect(page, 'node scripts/print-configuration.ts writes it anew').toBe(configurationPage(page, variables))
})

it('every variable has an example, and there is none of another', () => {
  const names = variables.map(({ name }) => name)
  expect(exampleNames.toSorted(), 'the examples are in scripts/configuration-page.ts').toEqual(names.toSorted())
})

/** Without these, some are not looked at. */
const companions = (name: string): Record<string, string> => {
  if (name.startsWith('OTEL_')) return { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
  return name === 'PERSISTED_OPERATIONS_ONLY' ? { PERSISTED_OPERATIONS: 'operations.json' } : {}
}

it.each(variables)('$name is taken as its example says, and is another configuration then', ({ name, example }) => {
  const value = example.startsWith('$(') ? randomBytes(32).toString('hex') : example
  const others = companions(name)
  expect(readConfig({ ...others, [name]: value })).not.toEqual(readConfig(others))
})
