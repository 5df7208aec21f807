import { describe, expect, test } from 'vitest'
import { createJavaScriptAnalyzer } from '../../src/adapters/analyzer/javascript.ts'

const analyzer = createJavaScriptAnalyzer()

function symbols(source: string, path = 'a.cjs'): string[] {
  const { uses, faults } = analyzer.analyze(path, source, path.endsWith('ts') ? 'TYPESCRIPT' : 'JAVASCRIPT')
  expect(faults).toEqual([])
  return uses.map(({ symbol }) => symbol)
}

/** Pairs of a program in which the name is the platform's, and one in which it is not, for one rule of scoping each. */
const pairs: readonly (readonly [rule: string, platform: string, own: string])[] = [
  ['const binds in its block', '{ const eval2 = 1 } eval(x)', '{ const fetch = f; fetch(x) }'],
  ['let binds in its block', '{ let fetch = f } fetch(x)', '{ let fetch = f; { fetch(x) } }'],
  [
    'var binds in its function',
    'function f() { var fetch = g } fetch(x)',
    'function f() { { var fetch = g } fetch(x) }',
  ],
  ['var at the top binds everywhere', 'function f() { var fetch }\nfetch(x)', 'fetch(x)\nvar fetch = f'],
  ['a function is hoisted', 'function f() { function fetch() {} }\nfetch(x)', 'fetch(x)\nfunction fetch() {}'],
  ['a function expression names itself inside', '(function fetch() {}); fetch(x)', '(function fetch() { fetch(x) })'],
  ['a class names itself', '(class fetch {}); fetch(x)', 'class fetch { f() { fetch(x) } }'],
  ['a parameter binds in its function', '(fetch) => 1; fetch(x)', '(fetch) => fetch(x)'],
  ['a parameter of a method', '({ f(fetch) {} }); fetch(x)', '({ f(fetch) { fetch(x) } })'],
  ['a rest parameter', '(...fetch) => 1; fetch(x)', '(...fetch) => fetch(x)'],
  ['a default sees parameters', '(a, b = fetch(x)) => a', '(fetch, b = fetch(x)) => b'],
  ['destructuring binds the new name', 'const { fetch: a } = f; fetch(x)', 'const { a: fetch } = f; fetch(x)'],
  ['destructuring of a list', 'const [a = fetch(x)] = f', 'const [, fetch] = f; fetch(x)'],
  ['a rest binds', 'const { a, ...b } = f; fetch(x)', 'const { a, ...fetch } = f; fetch(x)'],
  ['catch binds in its block', 'try {} catch (fetch) {} fetch(x)', 'try {} catch (fetch) { fetch(x) }'],
  ['a loop binds in itself', 'for (const fetch of a) {} fetch(x)', 'for (const fetch of a) fetch(x)'],
  ['a for loop binds in itself', 'for (let fetch = 1; ; ) { break } fetch(x)', 'for (let fetch = f; fetch(x); ) {}'],
  [
    'a switch is a block',
    'switch (a) { case 1: let fetch } fetch(x)',
    'switch (a) { case 1: let fetch = f; fetch(x) }',
  ],
  ['an arrow has a scope', '() => { const fetch = f }; fetch(x)', '() => { const fetch = f; return () => fetch(x) }'],
  ['a label is no name', 'fetch: for (;;) { fetch(x); break fetch }', 'x.fetch(x)'],
  ['a property is no name', '({ fetch: 1 }); fetch(x)', '({ fetch() {} }).fetch(x)'],
  ['a shorthand is a name', 'g({ fetch })', '(fetch) => g({ fetch })'],
  ['a computed key is a name', 'const k = "eval"; globalThis[k](x)', 'const k = "evaluate"; globalThis[k](x)'],
  ['typeof only looks', 'typeof fetch(x)', 'typeof fetch'],
  ['assigning does not declare', 'if (a) fetch = b; fetch(x)', 'let fetch; fetch = b; fetch(x)'],
  [
    'a class field is no name',
    'class A { fetch = 1; f() { fetch(x) } }',
    'class A { fetch() {} f() { this.fetch(x) } }',
  ],
  [
    'a static block has a scope',
    'class A { static { var fetch } } fetch(x)',
    'class A { static { var fetch = f; fetch(x) } }',
  ],
  ['with asks its object first', 'with (globalThis) { eval(x) }', 'with (a) { b(x) }'],
  ['require may be one of ours', 'require("fs").rmSync(x)', 'function require() {} require("fs").rmSync(x)'],
  ['a module may be one of ours', 'require("fs").rmSync(x)', 'require("./fs").rmSync(x)'],
]

describe.each(pairs)('%s', (_, platform, own) => {
  test("the platform's is found", () => expect(symbols(platform).length).toBeGreaterThan(0))
  test('our own is not', () => expect(symbols(own)).toEqual([]))
})

/** As above, for modules and types. */
const typed: readonly (readonly [rule: string, platform: string, own: string])[] = [
  ['an import binds', 'import a from "a"; fetch(x)', 'import fetch from "a"; fetch(x)'],
  ['a namespace import binds', 'import * as a from "fs"; a.rmSync(x)', 'import * as fetch from "a"; fetch.x(y)'],
  ['a type import binds no value', 'import { type a } from "a"; fetch(x)', 'import type { exec } from "child_process"'],
  ['a type is no use', 'const a: typeof fetch = fetch(x)', 'let a: typeof fetch; type B = typeof eval'],
  ['a cast is seen through', '(fetch as any)(x)', '(a as typeof fetch)(x)'],
  ['an assertion is seen through', 'fetch!(x); (<any>fetch)(x)', 'a!(x)'],
  ['a type argument is no use', 'fetch<string>(x)', 'a<typeof fetch>(x)'],
  ['an ambient name is none of ours', 'declare const a: number; fetch(x)', 'declare function a(b: typeof eval): void'],
  ['an enum binds', 'enum A { fetch }\nfetch(x)', 'enum fetch { a }\nfetch(x)'],
  ['a namespace has a scope', 'namespace A { const fetch = 1 }\nfetch(x)', 'namespace A { const fetch = f; fetch(x) }'],
  ['this is no parameter', 'function f(this: A, b = fetch(x)) {}', 'function f(this: A, fetch: B) { fetch(x) }'],
  [
    'an overload has no body',
    'function f(a: 1): void; function f(a: any) { fetch(x) }',
    'class A { fetch(x: 1): void; fetch(x: any) {} }',
  ],
]

describe.each(typed)('%s', (_, platform, own) => {
  test("the platform's is found", () => expect(symbols(platform, 'a.ts').length).toBeGreaterThan(0))
  test('our own is not', () => expect(symbols(own, 'a.ts')).toEqual([]))
})
