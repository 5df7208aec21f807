import { afterAll, describe, expect, test } from 'vitest'
import { createEvaluator } from './evaluate.ts'

const evaluator = createEvaluator()
const { evaluate } = evaluator
afterAll(() => evaluator[Symbol.asyncDispose]())

const symbols = (uses: readonly { symbol: string; line: number }[]) =>
  uses.map(({ symbol, line }) => `${symbol}:${line}`)

describe('the delta of uses', () => {
  test('a new use is added, with its place and its line of code', async () => {
    const report = await evaluate({ 'a.py': { before: 'x = 1\n', after: 'x = 1\nif x:\n    eval("1")\n' } })
    expect(report.added).toEqual([
      {
        capability: 'EVAL_EXEC',
        language: 'PYTHON',
        path: 'a.py',
        line: 3,
        column: 5,
        symbol: 'eval',
        snippet: 'eval("1")',
      },
    ])
    expect(report.addedCapabilities).toEqual(['EVAL_EXEC'])
    expect(report.safe).toBe(false)
    expect(report.syntaxValid).toBe(true)
  })

  test('moved code is unchanged', async () => {
    const report = await evaluate({ 'a.py': { before: 'eval("1")\n', after: '\n\n\neval("1")\n' } })
    expect(report).toMatchObject({ added: [], removed: [], addedCapabilities: [], safe: true })
    expect(symbols(report.unchanged)).toEqual(['eval:4'])
  })

  test('a changed line with the same symbol is unchanged', async () => {
    const report = await evaluate({ 'a.py': { before: 'eval("1")\n', after: 'y = eval("2")\n' } })
    expect(report).toMatchObject({ added: [], removed: [] })
  })

  test('a renamed file keeps its uses', async () => {
    const report = await evaluate({
      'b.py': { previousPath: 'a.py', before: 'eval("1")\n', after: 'x = 1\neval("1")\n' },
    })
    expect(report).toMatchObject({ added: [], removed: [] })
    expect(report.unchanged.map(({ path }) => path)).toEqual(['b.py'])
  })

  test('a copy adds what it has, also where its source is edited beside it or loses the use to it', async () => {
    for (const source of ['x = 1\neval("1")\n', 'x = 1\n']) {
      const report = await evaluate({
        'a/copy.py': { previousPath: 'b.py', after: 'eval("1")\n' },
        'b.py': { before: 'eval("1")\n', after: source },
      })
      expect(report.added.map(({ path }) => path)).toEqual(['a/copy.py'])
    }
  })

  test('a second use is an added use, and no added capability', async () => {
    const report = await evaluate({ 'a.py': { before: 'eval("1")\n', after: 'eval("2")\neval("1")\n' } })
    expect(symbols(report.added)).toEqual(['eval:1'])
    expect(symbols(report.unchanged)).toEqual(['eval:2'])
    expect(report.addedCapabilities).toEqual([])
  })

  test('a removed use is removed', async () => {
    const report = await evaluate({
      'a.py': { before: 'eval("1")\n', after: 'x = 1\n' },
      'b.py': { before: 'exec("1")\n' },
    })
    expect(symbols(report.removed)).toEqual(['eval:1', 'exec:1'])
    expect(report.safe).toBe(true)
  })

  test('a capability that another touched file had is not added', async () => {
    const report = await evaluate({
      'a.py': { before: 'eval("1")\n', after: 'x = 1\n' },
      'b.py': { before: 'x = 1\n', after: 'exec("1")\n' },
    })
    expect(report.addedCapabilities).toEqual([])
    expect(symbols(report.added)).toEqual(['exec:1'])
  })

  test('code that is moved to another file is removed there and added here, and no added capability', async () => {
    const report = await evaluate({
      'a.py': { before: 'eval("1")\nx = 1\n', after: 'x = 1\n' },
      'b.py': { after: 'eval("1")\n' },
    })
    expect(report.added.map(({ path }) => path)).toEqual(['b.py'])
    expect(report.removed.map(({ path }) => path)).toEqual(['a.py'])
    expect(report).toMatchObject({ addedCapabilities: [], safe: true })
  })

  test('files that change names with each other keep their own uses', async () => {
    const report = await evaluate({
      'a.py': { previousPath: 'b.py', before: 'eval("1")\n', after: 'eval("1")\n#\n' },
      'b.py': { previousPath: 'a.py', before: 'exec("1")\n', after: 'exec("1")\n#\n' },
    })
    expect(report).toMatchObject({ added: [], removed: [] })
    expect(report.unchanged.map(({ path, symbol }) => `${path} ${symbol}`)).toEqual(['a.py eval', 'b.py exec'])
  })

  test('a file of very many uses is told, and lists the first of each capability', async () => {
    const report = await evaluate({ 'a.py': { after: `${'eval("1")\n'.repeat(2_500)}open("x")\n` } })
    expect(report.added.filter(({ symbol }) => symbol === 'eval')).toHaveLength(2_000)
    expect(report.addedCapabilities).toEqual(['FILESYSTEM_READ', 'EVAL_EXEC'])
    expect(report.warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'MANY_USES 500 more uses are not listed: of each capability, the first 2000 are.',
    ])
  })

  test('a text that becomes a program is analysed although its content is the same', async () => {
    const report = await evaluate({ 'a.py': { previousPath: 'a.txt', before: 'eval("1")\n', after: 'eval("1")\n' } })
    expect(report.addedCapabilities).toEqual(['EVAL_EXEC'])
  })
})

describe('the hashes', () => {
  const change = { 'a.py': { before: 'x = 1\n', after: 'x = 1\neval("1")\n' } }
  const shifted = { 'a.py': { before: '#\nx = 1\n', after: '#\nx = 1\neval("1")\n' } }

  test('the same change has the same hashes', async () => {
    const [one, two] = [await evaluate(change), await evaluate(change)]
    expect(one).toEqual(two)
    expect(one.evaluationHash).toMatch(/^[0-9a-f]{64}$/)
  })

  test('another base or result changes the evaluation hash alone', async () => {
    const one = await evaluate(change)
    const two = await evaluate(change, { baseTree: 'other', resultTree: 'result' })
    const three = await evaluate(change, { baseTree: 'base', resultTree: 'other' })
    expect(new Set([one, two, three].map(({ evaluationHash }) => evaluationHash)).size).toBe(3)
    expect(new Set([one, two, three].map(({ reportHash }) => reportHash)).size).toBe(1)
  })

  test('other line numbers change the evaluation hash alone', async () => {
    const [one, two] = [await evaluate(change), await evaluate(shifted)]
    expect(two.evaluationHash).not.toBe(one.evaluationHash)
    expect(two.reportHash).toBe(one.reportHash)
  })

  test('another use changes both', async () => {
    const [one, two] = [
      await evaluate(change),
      await evaluate({ 'a.py': { before: 'x = 1\n', after: 'x = 1\nexec("1")\n' } }),
    ]
    expect(two.evaluationHash).not.toBe(one.evaluationHash)
    expect(two.reportHash).not.toBe(one.reportHash)
  })
})

describe('what is not safe without a capability', () => {
  test.each([
    ['a shell script', 'run.sh', '#!/bin/sh\nls\n', 'NOT_ANALYSED'],
    ['a program without an extension', 'bin/run', '#!/bin/sh\nls\n', 'NOT_ANALYSED'],
    ['a language without rules', 'a.rb', 'eval "1"\n', 'NOT_ANALYSED'],
    ['a picture that can hold scripts', 'a.svg', '<svg/>\n', 'NOT_ANALYSED'],
    ['what the tests load by themselves', 'tests/conftest.py', 'x = 1\n', 'DECIDES_BUILD_OR_TESTS'],
    ['what the build runs', 'setup.py', 'x = 1\n', 'DECIDES_BUILD_OR_TESTS'],
    ['continuous integration', '.github/workflows/ci.yml', 'on: push\n', 'DECIDES_BUILD_OR_TESTS'],
    ['packages to install', 'requirements-dev.txt', 'pytest\n', 'DECIDES_BUILD_OR_TESTS'],
    ['git attributes', 'docs/.gitattributes', '* text\n', 'DECIDES_BUILD_OR_TESTS'],
    ['a program behind a picture', 'image.png.py', 'x = 1\n', 'HIDDEN_NAME'],
    ['a program that listings do not show', 'lib/.cache.py', 'x = 1\n', 'HIDDEN_NAME'],
    ['a name that reads backwards', 'a\u202eyp.txt', 'x\n', 'HIDDEN_NAME'],
  ])('%s: %s', async (_, path, after, code) => {
    const report = await evaluate({ [path]: { after } })
    expect(report.safe).toBe(false)
    expect(report.warnings.map((warning) => warning.code)).toContain(code)
  })

  test('prose, pictures and data are safe', async () => {
    const files = Object.fromEntries(
      ['README.md', 'LICENSE', 'a.png', 'data/b.csv', 'c.json'].map((path) => [path, { after: 'x\n' }]),
    )
    expect(await evaluate(files)).toMatchObject({ safe: true, warnings: [], issues: [] })
  })

  test('a script in Python is known by its first line', async () => {
    const report = await evaluate({ 'bin/tool': { after: '#!/usr/bin/env -S python3 -u\neval("1")\n' } })
    expect(symbols(report.added)).toEqual(['eval:2'])
  })

  test('removing a file that decides about tests is told', async () => {
    const report = await evaluate({ 'conftest.py': { before: 'x = 1\n' } })
    expect(report.warnings.map(({ code }) => code)).toEqual(['DECIDES_BUILD_OR_TESTS'])
  })

  test('a fault of syntax is an issue with its line', async () => {
    const report = await evaluate({ 'a.py': { before: 'x = 1\n', after: 'x = 1\ndef f(:\n' } })
    expect(report.syntaxValid).toBe(false)
    expect(report.issues[0]).toMatchObject({ code: 'SYNTAX', path: 'a.py' })
  })
})
