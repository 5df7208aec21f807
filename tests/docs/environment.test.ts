import { expect, it } from 'vitest'
import { defaultModels } from '../../src/adapters/llm/default-models.ts'
import { readConfig } from '../../src/config.ts'
import { read } from './pages.ts'

interface Documented {
  readonly name: string
  readonly value: string
  /** The comment above it. */
  readonly meaning: string
}

const lines = read('.env.example').split('\n')
const documented: readonly Documented[] = lines.flatMap((line, at) => {
  const [, name, value = ''] = /^#([A-Z_]+)=(.*)$/.exec(line) ?? []
  return name === undefined ? [] : [{ name, value, meaning: lines[at - 1] ?? '' }]
})

/** The variables that the configuration looks at, found by watching it read. */
const variablesRead = (): string[] => {
  const seen = new Set<string>()
  const note = (name: string | symbol) => {
    if (typeof name === 'string' && /^[A-Z_]+$/.test(name)) seen.add(name)
  }
  const watched = new Proxy<Record<string, string | undefined>>(
    {},
    {
      get(_, name) {
        note(name)
        return undefined
      },
      has(_, name) {
        note(name)
        return false
      },
    },
  )
  readConfig(watched)
  return [...seen]
}

// Set by every system, and not for us to explain.
const ofTheSystem = ['NODE_ENV', 'PATH']

it('the example names exactly the variables that the configuration reads', () => {
  const expected = variablesRead().filter((name) => !ofTheSystem.includes(name))
  expect(documented.map(({ name }) => name).toSorted()).toEqual(expected.toSorted())
})

it('each variable of the example has its default, so that taking every # away changes nothing', () => {
  expect(readConfig(Object.fromEntries(documented.map(({ name, value }) => [name, value])))).toEqual(readConfig({}))
})

it('each variable of the example has a line that says what it means', () => {
  expect(documented.filter(({ meaning }) => !/^# \S.{10,}\.?$/.test(meaning))).toEqual([])
})

it.each([
  ['OPENAI_MODEL', defaultModels.OPENAI.model],
  ['OPENAI_BASE_URL', defaultModels.OPENAI.baseUrl],
  ['ANTHROPIC_MODEL', defaultModels.ANTHROPIC.model],
  ['ANTHROPIC_BASE_URL', defaultModels.ANTHROPIC.baseUrl],
])('the example says what is used without %s', (name, used) => {
  const variable = documented.find((each) => each.name === name)
  expect(variable?.meaning).toMatch(new RegExp(` Without: ${RegExp.escape(used)}$`))
})
