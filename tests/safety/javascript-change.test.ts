import { afterAll, expect, test } from 'vitest'
import { createEvaluator } from './evaluate.ts'

const evaluator = createEvaluator()
const { evaluate } = evaluator
afterAll(() => evaluator[Symbol.asyncDispose]())

const manifest = (scripts: Record<string, string>) => JSON.stringify({ name: 'a', scripts }, null, 2)

test('a new capability of a JavaScript file is added by the change', async () => {
  const report = await evaluate({ 'a.mjs': { before: 'f()\n', after: 'f()\nfetch("https://a")\n' } })
  expect(report.added).toMatchObject([{ capability: 'NETWORK_REQUEST', language: 'JAVASCRIPT', line: 2 }])
  expect(report).toMatchObject({ addedCapabilities: ['NETWORK_REQUEST'], safe: false, syntaxValid: true })
})

test('a harmless change of a TypeScript file is safe', async () => {
  const report = await evaluate({ 'a.ts': { before: 'let a = 1\n', after: 'let a: number = 2\n' } })
  expect(report).toMatchObject({ warnings: [], issues: [], safe: true })
})

test('a fault of syntax stops a change, with its line', async () => {
  const report = await evaluate({ 'a.ts': { before: 'f()\n', after: 'f()\nlet = =\n' } })
  expect(report).toMatchObject({ syntaxValid: false, safe: false, issues: [{ code: 'SYNTAX', path: 'a.ts', line: 2 }] })
})

test('of scripts that run by themselves, those that are new or other ones are reported', async () => {
  const report = await evaluate({
    'package.json': {
      before: manifest({ prepare: 'husky', postinstall: 'node a.js' }),
      after: manifest({ prepare: 'husky', postinstall: 'node b.js', preinstall: 'node c.js' }),
    },
  })
  const scripts = report.warnings.filter(({ code }) => code === 'LIFECYCLE_SCRIPT')
  expect(scripts.map(({ message, line }) => [message.split(' ')[2], line])).toEqual([
    ['postinstall', 5],
    ['preinstall', 6],
  ])
})
