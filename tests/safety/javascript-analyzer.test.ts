import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createJavaScriptAnalyzer } from '../../src/adapters/analyzer/javascript.ts'
import { createCodeAnalyzer } from '../../src/adapters/analyzer/pool.ts'
import type { CodeAnalyzer } from '../../src/domain/ports/code-analyzer.ts'
import { isLong } from '../support/long.ts'

const analyzer = createCodeAnalyzer()
afterAll(() => analyzer[Symbol.asyncDispose]())

const file = (path: string, content: string | Buffer) => ({ path, content: Buffer.from(content as string) })

async function analyze(path: string, content: string | Buffer) {
  const [analysis] = await analyzer.analyze([file(path, content)])
  if (analysis === undefined) throw new Error('The analyzer gave no answer.')
  return analysis
}

describe('what is legal', () => {
  test.each([
    ['a script in sloppy mode', 'a.js', 'with (a) { b = 010 }\nvar let = 1; delete x; arguments = 1\n'],
    ['a return at the top of a script', 'a.cjs', 'if (x) return\nnew.target\n'],
    ['an await at the top of a module', 'a.js', 'await x\nfor await (const y of z) {}\n'],
    ['a hashbang', 'tool', '#!/usr/bin/env node\nx()\n'],
    ['a hashbang of Deno', 'tool', '#!/usr/bin/env -S deno run\nconst x: number = <number>y\n'],
    ['a hashbang of tsx', 'tool', '#!/usr/bin/env tsx\nconst x = <div>{y as any}</div>\n'],
    ['JSX', 'a.js', 'const a = <a b={1}>{c} &nbsp; <></></a>\n'],
    ['JSX in a module', 'a.jsx', 'export default () => <A.B {...c} />\n'],
    ['types', 'a.ts', 'const a = <T>(x: T): x is T & {} => x as unknown as boolean satisfies any\n'],
    ['types with JSX', 'a.tsx', 'const a = <T,>(x: T) => <A<T> x={x!} />\n'],
    ['a module with a CommonJS import', 'a.cts', 'import a = require("a")\nexport = a\n'],
    ['declarations', 'a.d.ts', 'declare const a: unique symbol\nexport function b(): void\nexport default a\n'],
    ['decorators', 'a.js', '@a export class B { @c accessor d = 1; @e() f() {} }\n'],
    ['decorators of parameters', 'a.ts', '@A() export class B { constructor(@C() private readonly d: D) {} }\n'],
    ['decorators behind export', 'a.ts', 'export @a class B {}\n'],
    ['import attributes', 'a.mjs', 'import a from "a.json" with { type: "json" }\n'],
    ['using', 'a.mjs', '{ using a = b(); await using c = d() }\n'],
    ['private names and static blocks', 'a.js', 'class A { static #b; static { #b in A } get #c() { return 1 } }\n'],
    ['expressions of newer editions', 'a.js', 'a ??= b?.[c] ?? 1_000n ** 2n; /(?<x>a)|(?<x>b)/v\n'],
    ['enums and namespaces', 'a.ts', 'const enum A { B = 1 }\nnamespace C.D { export import E = A }\n'],
    ['abstract classes and overloads', 'a.ts', 'abstract class A { abstract b(): void; c(): void; c(x?: 1) {} }\n'],
    ['types of Flow', 'a.js', '// @flow\ntype A = {| b: ?string |}\nconst c = (d: any)\n'],
    ['an HTML comment in a script', 'a.cjs', 'a <!-- b\n--> c\n'],
    ['a byte order mark and CR LF', 'a.js', '\ufeffimport a from "a"\r\na()\r\n'],
    ['names in other scripts', 'a.js', 'const größe = "日本語", ℮ = 1\n'],
    ['nothing', 'a.js', ''],
  ])('%s is legal', async (_, path, source) => {
    expect((await analyze(path, source)).syntaxFaults).toEqual([])
  })
})

describe('what is not legal', () => {
  test.each([
    ['an operator too many', 'a.js', 'const a = 1\nlet b = = 2\n', 2, 'Unexpected token'],
    ['a name declared twice', 'a.js', 'const a = 1\n\nconst a = 2\n', 3, "Identifier 'a' has already been declared."],
    ['a bracket that is not closed', 'a.mjs', 'f(1,\n', 2, 'Unexpected token'],
    ['a text that is not closed', 'a.js', 'x = 1\ny = "a\n', 2, 'Unterminated string constant.'],
    ['a type in JavaScript', 'a.js', 'const a: number = 1\n', 1, null],
    ['a return at the top of a module', 'a.mjs', 'import a from "a"\nreturn a\n', 2, "'return' outside of function."],
    ['an await in a function', 'a.js', 'function f() {\n  await g()\n}\n', 2, null],
    ['an octal number in a module', 'a.mjs', 'export {}\nx = 010\n', 2, null],
    ['JSX in plain TypeScript', 'a.ts', 'const a = 1\nconst b = <a b={1}></a>\n', 2, null],
    ['tags that do not match', 'a.jsx', 'const a = <b>\n</c>\n', 2, 'Expected corresponding JSX closing tag for <b>.'],
    ['a break outside a loop', 'a.js', 'x()\nbreak\n', 2, null],
    ['two defaults', 'a.mjs', 'export default 1\nexport default 2\n', 2, null],
    ['an invalid regular expression flag', 'a.js', 'x = /a/gg\n', 1, 'Duplicate regular expression flag.'],
    ['a NUL byte', 'a.js', 'x = 1\n\0y\n', 2, null],
  ])('%s is a fault with its line', async (_, path, source, line, message) => {
    const { syntaxFaults } = await analyze(path, source)
    expect(syntaxFaults[0]).toMatchObject({ path, line, ...(message === null ? {} : { message }) })
  })

  test('uses are reported beside faults that the parser gets over', async () => {
    const { uses, syntaxFaults } = await analyze('a.js', 'const a = 1\nconst a = 2\neval("1")\n')
    expect(syntaxFaults).toHaveLength(1)
    expect(uses.map(({ symbol, line }) => `${symbol}:${line}`)).toEqual(['eval:3'])
  })
})

describe('deceptions', () => {
  test.each([
    ['a bidirectional control', 'x = 1\nconst a = "user\u202e \u2066// admin\u2069"\n', ['BIDIRECTIONAL_CONTROL:2']],
    ['a lone carriage return', '// harmless\reval("1")\n', ['BARE_CARRIAGE_RETURN:1']],
    ['bytes that are not UTF-8', Buffer.from('x = "\xff"\n', 'latin1'), ['INVALID_UTF8:null']],
    ['a computed name', 'const fs = require("fs")\nfs[name]("a")\n', ['COMPUTED_NAME:2']],
    ['a computed name of the process', 'x = process[name]\n', ['COMPUTED_NAME:1']],
    ['a comment in scripts only', 'var x = 010\nx <!-- eval("1")\n', ['HTML_COMMENT:2']],
    ['an identifier of two scripts', 'const pаth = 1\nuse(pаth)\n', ['LOOK_ALIKE_IDENTIFIER:1']],
  ])('%s', async (_, source, expected) => {
    const { findings } = await analyze('a.js', source)
    expect(findings.map(({ code, line }) => `${code}:${line}`)).toEqual(expected)
  })

  test.each([
    ['a name out of a table', 'const fs = require("fs")\nconst m = { a: "readFile" }\nfs[m.a]("x")\n'],
    ['either of two names', 'const fs = require("fs")\nfs[sync ? "readFileSync" : "readFile"]("x")\n'],
    ['a variable of the environment', 'x = process.env[name] + process.argv[index]\n'],
    ['what is put into the global object', 'globalThis[name] = 1\n'],
  ])('%s is none', async (_, source) => {
    expect((await analyze('a.js', source)).findings).toEqual([])
  })

  test('a lone carriage return hides no code in a comment', async () => {
    const { uses } = await analyze('a.js', '// harmless\reval("1")\n')
    expect(uses.map(({ symbol, line }) => `${symbol}:${line}`)).toEqual(['eval:2'])
  })
})

describe('places', () => {
  test('a use has language, symbol, line, column in characters and the line itself', async () => {
    const { uses, language } = await analyze('a.ts', '\ufeffconst a = "𝒳"; eval(a as string)\n')
    expect(language).toBe('TYPESCRIPT')
    expect(uses).toEqual([
      {
        capability: 'EVAL_EXEC',
        language: 'TYPESCRIPT',
        path: 'a.ts',
        line: 1,
        column: 16,
        symbol: 'eval',
        snippet: 'const a = "𝒳"; eval(a as string)',
      },
    ])
  })

  test('a chain over several lines is reported where it begins, by its resolved name', async () => {
    const { uses } = await analyze('a.js', 'x()\nrequire("node:child_process")\n  .exec\n  .call(null, "ls")\n')
    expect(uses.map(({ symbol, line, column }) => [symbol, line, column])).toEqual([['child_process.exec', 2, 1]])
  })
})

describe('package.json', () => {
  const findings = async (content: string, path = 'package.json') =>
    (await analyze(path, content)).findings.map(({ code, line }) => `${code}:${line}`)

  test('scripts that run by themselves are findings, with their line', async () => {
    const content = JSON.stringify(
      { name: 'a', bin: 'x.js', scripts: { build: 'tsc', postinstall: 'node a.js', test: 'x', pretest: 'y' } },
      null,
      2,
    )
    expect(await findings(content, 'packages/a/package.json')).toEqual(['LIFECYCLE_SCRIPT:6', 'LIFECYCLE_SCRIPT:8'])
    const [first] = (await analyze('package.json', content)).findings
    expect(first?.message).toBe(
      'The script postinstall runs by itself on every install, also as a dependency: node a.js',
    )
  })

  test.each(['preinstall', 'install', 'postinstall', 'prepare', 'prepublish', 'prepublishOnly', 'prepack', 'posttest'])(
    '%s runs by itself',
    async (name) => expect(await findings(`{"scripts":{"${name}":"x"}}`)).toEqual(['LIFECYCLE_SCRIPT:1']),
  )

  test('other scripts, and files that only look like it, are none', async () => {
    expect(await findings('{"scripts":{"test":"x","build":"y","lint":"z"},"main":"a.js"}')).toEqual([])
    expect(await findings('{"scripts":{"postinstall":"x"}}', 'my-package.json')).toEqual([])
  })

  test('what no package manager can read is a finding', async () => {
    expect(await findings('{\n  "name": "a",\n}\n')).toEqual(['INVALID_JSON:3'])
    expect(await findings('[]')).toEqual(['INVALID_JSON:null'])
    expect(await findings('{"scripts":[]}')).toEqual(['INVALID_JSON:null'])
  })
})

describe('a hostile file', () => {
  const hostile: readonly (readonly [string, string | Buffer])[] = [
    ['5 MB of calls on one line', 'eval(x);'.repeat(600_000)],
    ['a million lines', 'eval(x)\n'.repeat(500_000) + '\n'.repeat(500_000)],
    ['10,000 nested brackets', `x = ${'[eval,'.repeat(10_000)}${']'.repeat(10_000)}\n`],
    ['10,000 nested functions', `${'() => {'.repeat(10_000)}${'}'.repeat(10_000)}\n`],
    ['2 MB of additions', `eval(x)\n${'1+'.repeat(1_000_000)}1\n`],
    ['a chain of 100,000 members', `process${'.a'.repeat(100_000)}\neval(x)\n`],
    [
      'a chain of 20,000 names',
      `var x0 = eval\n${Array.from({ length: 20_000 }, (_, i) => `var x${i + 1} = x${i}`).join('\n')}\nx20000("1")\n`,
    ],
    [
      'a chain of 20,000 names, the last first',
      `${Array.from({ length: 20_000 }, (_, i) => `var x${20_000 - i} = x${19_999 - i}`).join('\n')}\nvar x0 = eval\nx20000("1")\n`,
    ],
    [
      'functions that call each other with each other',
      `${Array.from({ length: 300 }, (_, i) => `function f${i}(a, b) { f${(i * 7) % 300}(b, f${(i * 11) % 300}); return a(b) }`).join('\n')}\neval(x)\n`,
    ],
    ['objects spread into each other', `let a = {}\n${'a = { ...a, b: { ...a } }\n'.repeat(2_000)}a.b.b.b(eval)\n`],
    ['texts that multiply', `let k = x ? "a" : "b"\n${'k = k + k\n'.repeat(200)}process[k](eval)\n`],
    ['NUL bytes', 'require("fs").unl\0ink("a")\n'],
    ['noise', Buffer.from(Array.from({ length: 10_000 }, (_, index) => (index * 7919) % 256))],
  ]
  let hurried: CodeAnalyzer
  beforeAll(() => {
    hurried = createCodeAnalyzer({ timeoutMs: 4_000, processes: 1 })
  })
  afterAll(() => hurried[Symbol.asyncDispose]())

  test.each(hostile)('%s ends within the limit, is reported, and the next file is analysed', async (_, content) => {
    const begun = performance.now()
    const [bad, good] = await hurried.analyze([file('bad.js', content), file('good.js', 'eval("1")\n')])
    const reported = [...(bad?.findings ?? []), ...(bad?.syntaxFaults ?? []), ...(bad?.uses ?? [])]
    expect(reported.length).toBeGreaterThan(0)
    expect(good?.uses.map(({ symbol }) => symbol)).toEqual(['eval'])
    expect(performance.now() - begun).toBeLessThan(20_000)
  })
})

describe.runIf(isLong)('the packages that are installed', () => {
  const root = join(import.meta.dirname, '../../node_modules')
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(?<!\.min)\.[cm]?[jt]sx?$/.test(path))
    .filter((_, index) => index % 40 === 0)

  test('are analysed without a fault', () => {
    const local = createJavaScriptAnalyzer()
    expect(sources.length).toBeGreaterThan(300)
    for (const path of sources) {
      const language = /\.[cm]?tsx?$/.test(path) ? 'TYPESCRIPT' : 'JAVASCRIPT'
      const { faults } = local.analyze(path, readFileSync(join(root, path), 'utf8'), language)
      expect([path, faults]).toEqual([path, []])
    }
  })
})
