import { describe, expect, test } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { createPythonAnalyzer } from '../../src/adapters/analyzer/python.ts'
import type { PythonNode } from '../../src/adapters/analyzer/python-node.ts'
import { parsePython } from '../../src/adapters/analyzer/python-parse.ts'
import { isLong } from '../support/long.ts'
import { hasPython, libraryFiles, readSource } from './python-library.ts'
import { mutated, snippetsOf } from './python-snippets.ts'

const analyzer = createPythonAnalyzer()

/** Every node with its parent, without recursion: trees of hostile sources are deep. */
function* nodesOf(root: PythonNode): Iterable<PythonNode> {
  const todo = [root]
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    yield node
    for (const child of node.children) todo.push(child)
  }
}

function names(source: string): string[] {
  return parsePython(source)
    .root.findAll({ names: ['first', 'second', 'third'], attributes: ['first', 'second', 'third'] })
    .map(({ name, parent }) => `${name} in ${parent?.kind}`)
}

describe('a source that is no Python', () => {
  test.each([
    ['a line', 'first()\nsecond +\nthird()\n', ['first in call', 'second in ERROR', 'third in call']],
    [
      'a statement behind a good one',
      'first(); second = = 1\nthird()\n',
      ['first in call', 'second in ERROR', 'third in call'],
    ],
    [
      'the head of a block',
      'def first(a b):\n    second()\nthird()\n',
      ['first in ERROR', 'second in call', 'third in call'],
    ],
    [
      'the head of a clause',
      'if first:\n    pass\nelif second second:\n    third()\n',
      ['first in if_statement', 'second in ERROR', 'second in ERROR', 'third in call'],
    ],
    [
      'a bracket that is never closed',
      'x = (first,\ndef second():\n    third()\n',
      ['first in ERROR', 'second in function_definition', 'third in call'],
    ],
    ['a string that is never closed', 'first = "a\nsecond()\n', ['first in ERROR', 'second in call']],
    ['a field that is never closed', 'x = f"{first\nimport os\nsecond()\n', ['first in ERROR', 'second in call']],
    ['a block nobody began', 'first()\n    second()\nthird()\n', ['first in call', 'second in call', 'third in call']],
    [
      'an indentation nothing has',
      'if first:\n        pass\n    second()\nthird()\n',
      ['first in if_statement', 'second in ERROR', 'third in call'],
    ],
    ['a block that is missing', 'if first:\nsecond()\n', ['first in ERROR', 'second in call']],
    [
      'a case without a pattern',
      'match first:\n    case :\n        second()\n    case _:\n        third()\n',
      ['first in match_statement', 'second in call', 'third in call'],
    ],
    ['a decorator of nothing', '@first\nsecond()\n', ['first in decorator', 'second in call']],
    [
      'attributes on a broken line',
      'a.first.second third\n',
      ['first in attribute', 'second in attribute', 'third in ERROR'],
    ],
  ])('%s is one fault, and what is around it is still read', (_, source, expected) => {
    expect(names(source)).toEqual(expected)
    const tree = parsePython(source)
    tree.check()
    expect(tree.faults.length).toBeGreaterThan(0)
  })

  test('uses on a line that cannot be read are reported, and so is the fault', () => {
    const { uses, errors } = analyzer.analyze('import os\nx = 1\nos.system("ls") oops\n', false)
    expect(uses.map(({ symbol }) => symbol)).toEqual(['os.system'])
    expect(errors).toEqual([32])
  })

  test('lines that nobody asked about are read when faults are', () => {
    const source = 'eval("1")\nx = = 1\n'
    expect(analyzer.analyze(source, false).errors).toEqual([])
    expect(analyzer.analyze(source, true).errors).toEqual([14])
  })
})

describe('what is read line by line is what is read at once', () => {
  test('a name is found by itself as among all', () => {
    const source = 'def f(a=first):\n    x = second; third = x\n    return f"{first}{second:{third}}"\n'
    const all = [...nodesOf(parsePython(source).root)].filter(({ kind }) => kind === 'identifier')
    for (const name of ['first', 'second', 'third']) {
      const alone = parsePython(source).root.findAll({ names: [name] })
      const among = all.filter((node) => node.name === name)
      expect(alone.map(({ start, parent }) => [start, parent?.kind])).toEqual(
        among.map(({ start, parent }) => [start, parent?.kind]).sort(([a], [b]) => Number(a) - Number(b)),
      )
    }
  })

  test('checking keeps nothing, and changes nothing', () => {
    const tree = parsePython('x = first\n')
    tree.check()
    expect(tree.root.findAll({ names: ['first'] }).map(({ parent }) => parent?.kind)).toEqual(['assignment'])
  })
})

describe.runIf(hasPython)('2,000 sources with one thing broken', () => {
  test('each gives a tree whose nodes lie in the text, in order, and in their parents', { timeout: 300_000 }, () => {
    const random = randomNumbers(4)
    const sources = libraryFiles(200)
      .flatMap((path) => snippetsOf(readSource(path), random, 25))
      .slice(0, 2_000)
    expect(sources.length).toBe(2_000)
    for (const source of sources.map((each) => mutated(each, random))) {
      const tree = parsePython(source)
      for (const node of nodesOf(tree.root)) {
        expect(node.start <= node.end && node.start >= 0 && node.end <= source.length).toBe(true)
        let last = node.start
        for (const child of node.children) {
          if (child.parent !== node || child.start < last || child.end > node.end) {
            expect.fail(
              `${node.kind} at ${node.start} has ${child.kind} at ${child.start} in ${JSON.stringify(source)}`,
            )
          }
          last = child.end
        }
      }
      for (const fault of tree.faults) expect(fault >= 0 && fault <= source.length).toBe(true)
      analyzer.analyze(source, true)
    }
  })
})

/** As long as a file may be that is analysed; in the long form, more. */
const size = isLong ? 5_000_000 : 1_000_000
const repeated = (text: string, tail = ''): string => text.repeat(size / text.length) + tail

describe('megabytes of', () => {
  test.each([
    ['additions', repeated('1+', '1')],
    ['names and additions', repeated('eval+', '1')],
    ['lines', repeated('x=1\n')],
    ['empty lines', repeated('\r')],
    ['opening brackets', repeated('[')],
    ['closing brackets', repeated(')')],
    ['lists in lists', repeated('[eval,')],
    ['calls of calls', `eval${repeated('()')}`],
    ['attributes', `eval${repeated('.a')}`],
    ['signs', repeated('-', 'eval')],
    ['negations', repeated('not ', 'eval')],
    ['lambdas', repeated('lambda:', 'eval')],
    ['choices', repeated('eval if 1 else ', '1')],
    ['powers', repeated('eval**', '1')],
    ['double quotes', repeated('"')],
    ['single quotes', repeated("'")],
    ['fields in fields', repeated('f"{')],
    ['formats in formats', `f"${'{x:'.repeat(size / 4)}${'}'.repeat(size / 4)}"`],
    ['names of characters', `f"${repeated('\\N{')}`],
    ['continued lines', repeated('\\\n')],
    ['backslashes', repeated('\\')],
    ['NUL', repeated('\0')],
    ['elif', `if eval:pass\n${repeated('elif eval:pass\n')}`],
    ['else', repeated('else:\n')],
    ['broken definitions', repeated('def f(:\n')],
    ['brackets that a statement ends', repeated('(import\n')],
    ['decorators', repeated('@eval\n')],
    ['decorators of something broken', repeated('@eval\n', 'def f(:')],
    ['broken decorators', repeated('@@\n')],
    ['targets', repeated('eval=', '1')],
    ['items of with', repeated('with (eval(')],
    ['names', Array.from({ length: size / 8 }, (_, index) => `n${index.toString(36)}`).join('\n')],
  ])('%s is read in linear time', (_, source) => {
    const begun = process.cpuUsage()
    const tree = parsePython(source)
    tree.check()
    tree.root.findAll({ names: ['eval'], attributes: ['a'] })
    const { user, system } = process.cpuUsage(begun)
    // A second or two; what takes its time squared takes hours.
    expect((user + system) / 1e6).toBeLessThan(15)
  })
})

describe('10,000 in each other', () => {
  const deep = (open: string, close: string) => `${open.repeat(10_000)}eval${close.repeat(10_000)}\n`
  const indented = (head: string) =>
    Array.from({ length: 3_000 }, (_, level) => `${' '.repeat(level)}${head}\n`).join('')
  test.each([
    ['brackets', deep('[', ']')],
    ['parentheses', deep('(', ')')],
    ['dictionaries', deep('{1:', '}')],
    ['calls', deep('f(', ')')],
    ['subscripts', deep('a[', ']')],
    ['format strings', deep('f"{', '}"')],
    ['all operators', deep('(1 or 2 and not 3 < 4 | 5 ^ 6 & 7 << 8 + 9 * -', ')')],
    ['lambdas', deep('lambda x=', ':0')],
    ['patterns', `match x:\n case ${'['.repeat(10_000)}eval${']'.repeat(10_000)}: pass\n`],
    ['functions', indented('def eval():')],
    ['conditions', indented('if eval:')],
  ])('%s are a fault that is told', (_, source) => {
    expect(analyzer.analyze(source, false).errors.length).toBeGreaterThan(0)
  })

  test.each([
    ['attributes', `eval${'.a'.repeat(9_000)}\n`],
    ['additions', `eval${'+ 1'.repeat(9_000)}\n`],
    ['signs', `${'-'.repeat(9_000)}eval\n`],
    ['choices', `${'eval if 1 else '.repeat(9_000)}1\n`],
    ['alternatives', `if eval: pass\n${'elif eval: pass\n'.repeat(10_000)}`],
  ])('%s in a chain are none', (_, source) => {
    const tree = parsePython(source)
    tree.check()
    expect(tree.faults).toEqual([])
  })
})
