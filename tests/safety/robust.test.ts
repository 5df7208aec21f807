import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCodeAnalyzer } from '../../src/adapters/analyzer/pool.ts'
import { createPythonSyntaxCheck, localPython, type RunPython } from '../../src/adapters/analyzer/python-syntax.ts'
import type { CodeAnalyzer } from '../../src/domain/ports/code-analyzer.ts'

const file = (path: string, content: string | Buffer) => ({ path, content: Buffer.from(content as string) })
const MIB = 1024 * 1024
const full = (piece: string) => piece.repeat(Math.floor((5 * MIB) / Buffer.byteLength(piece)))

/** No file may hold its caller for longer, in milliseconds, where a harmless one of its size takes a third of a second. */
const longest = 5_000

const hostile: readonly (readonly [what: string, path: string, content: () => string | Buffer])[] = [
  ['2 MB of additions', 'a.py', () => `eval(x)\n${'1+'.repeat(1_000_000)}1\n`],
  ['10,000 nested lists', 'a.py', () => `x = ${'[eval,'.repeat(10_000)}${']'.repeat(10_000)}\n`],
  ['10,000 nested calls', 'a.py', () => `x = ${'eval('.repeat(10_000)}1${')'.repeat(10_000)}\n`],
  [
    '10,000 blocks in each other',
    'a.py',
    () => Array.from({ length: 3_000 }, (_, depth) => `${' '.repeat(depth)}if x:\n`).join(''),
  ],
  ['a chain of 100,000 attributes', 'a.py', () => `import os\nos${'.a'.repeat(100_000)}\n`],
  ['NUL bytes', 'a.py', () => 'import os\nos.sys\0tem("ls")\n'],
  ['5 MiB of NUL bytes', 'a.py', () => Buffer.alloc(5 * MIB)],
  ['invalid UTF-8', 'a.py', () => Buffer.from(full('x = "\xff"\n'), 'latin1').subarray(0, 5 * MIB)],
  ['a million lines', 'a.py', () => 'x=1\n'.repeat(1_000_000)],
  ['one line of 5 MiB', 'a.py', () => `x = "${'a'.repeat(5 * MIB - 20)}"\n`],
  ['one line of statements', 'a.py', () => full('x=1;')],
  ['5 MiB of uses', 'a.py', () => full('eval(x)\n')],
  ['5 MiB of brackets', 'a.py', () => full('[')],
  ['5 MiB of begun strings', 'a.py', () => full('f"{')],
  ['5 MiB of begun keys', 'a.py', () => full(`${'-'.repeat(5)}BEGIN PRIVATE KEY${'-'.repeat(5)}\n`)],
  ['5 MiB of begun tokens', 'a.txt', () => full('sk-')],
  ['5 MiB of begun web tokens', 'a.txt', () => full('eyJ.')],
  ['5 MiB of begun URLs', 'a.txt', () => full('a://b')],
  ['5 MiB of look-alikes', 'a.py', () => full('\u0430a\n')],
  ['5 MiB of emoji', 'a.sh', () => full('\u{1f469}\u200d\u{1f4bb}')],
  ['5 MiB of hidden characters', 'a.sh', () => full('\u202e')],
  ['2 MB of additions in JavaScript', 'a.js', () => `eval(x)\n${'1+'.repeat(1_000_000)}1\n`],
  ['10,000 nested arrays in JavaScript', 'a.js', () => `x = ${'['.repeat(10_000)}${']'.repeat(10_000)}\n`],
  ['a million lines of JavaScript', 'a.js', () => 'x=1\n'.repeat(1_000_000)],
]

describe('a hostile file', () => {
  let analyzer: CodeAnalyzer
  let harmlessMs: number
  beforeAll(async () => {
    const syntaxCheck = await createPythonSyntaxCheck(localPython({ python: 'python3', timeoutMs: 20_000 }))
    // Half of what is waited for otherwise: that a file is given up is the same sooner.
    analyzer = createCodeAnalyzer({ syntaxCheck, timeoutMs: 1_500 })
    await analyzer.analyze([file('a.py', 'x = 1\n'), file('b.py', 'x = 2\n')])
    const begun = performance.now()
    await analyzer.analyze([file('a.py', full('# x\n')), file('good.py', 'eval("1")\n')])
    harmlessMs = performance.now() - begun
  })
  afterAll(() => analyzer[Symbol.asyncDispose]())

  test.each(hostile)('%s is done with in time, and the other files are analysed', async (_, path, content) => {
    const begun = performance.now()
    const [bad, good] = await analyzer.analyze([file(path, content()), file('good.py', 'eval("1")\n')])
    // A busy machine is slow with everything: what counts is what hostility adds.
    expect(performance.now() - begun).toBeLessThan(Math.max(longest, 4_000 + 3 * harmlessMs))
    expect(good).toMatchObject({ uses: [{ symbol: 'eval', line: 1 }], findings: [], syntaxFaults: [] })
    expect(bad?.path).toBe(path)
    expect(bad?.uses.length).toBeLessThanOrEqual(2_000)
  })

  test.each([
    ['nested more deeply than can be followed', `x = ${'eval('.repeat(200_000)}1${')'.repeat(200_000)}\n`],
    ['of NUL bytes', 'import os\nos.sys\0tem("ls")\n'],
    ['that is too large', full('# x\n').padEnd(5 * MIB + 1, '\n')],
  ])('%s is never reported as nothing', async (_, content) => {
    const [analysis] = await analyzer.analyze([file('a.py', content)])
    const told = [...(analysis?.findings ?? []), ...(analysis?.syntaxFaults ?? []), ...(analysis?.uses ?? [])]
    expect(told.length).toBeGreaterThan(0)
  })
})

describe("Python's compiler", () => {
  const interpreter = localPython({ python: 'python3', timeoutMs: 20_000 })
  const counted = async () => {
    const sources: number[] = []
    const run: RunPython = (script, stdin) => {
      if (stdin !== '') sources.push(JSON.parse(stdin).length)
      return interpreter(script, stdin)
    }
    return { sources, check: await createPythonSyntaxCheck(run) }
  }

  test('is started once for many files', async () => {
    const { sources, check } = await counted()
    const verdicts = await check?.check(Array.from({ length: 300 }, (_, index) => Buffer.from(`x = ${index}\n`)))
    expect(verdicts?.every(({ kind }) => kind === 'valid')).toBe(true)
    expect(sources).toEqual([300])
  })

  test('that is held by one file loses that one alone, and goes on behind it', async () => {
    const starts: number[] = []
    const check = await createPythonSyntaxCheck((script, stdin) => {
      if (stdin !== '') starts.push(JSON.parse(stdin).length)
      // Stands for a source that the compiler does not come back from.
      const held = "def verdict(source):\n    while b'held' in base64.b64decode(source): pass\n"
      return interpreter(script.replace('def verdict(source):\n', held), stdin)
    })
    const verdicts = await check?.check([Buffer.from('x = 1\n'), Buffer.from('held'), Buffer.from('x = = 1\n')])
    expect(verdicts).toMatchObject([{ kind: 'valid' }, { kind: 'unchecked' }, { kind: 'fault', line: 1 }])
    expect(starts).toEqual([3, 1])
  })

  test('cannot be made to give one file the verdict of another', async () => {
    const check = await createPythonSyntaxCheck(async (script, stdin) => {
      const result = await interpreter(script, stdin)
      // What a sandbox does with too much output: the middle is gone.
      return { ...result, stdout: result.stdout.replace(/\[0\]\n1\n/, '') }
    })
    const verdicts = await check?.check([Buffer.from('x = 1\n'), Buffer.from('x = = 1\n'), Buffer.from('y = 1\n')])
    expect(verdicts?.[0]?.kind).not.toBe('fault')
    expect(verdicts?.[1]?.kind).not.toBe('valid')
  })

  test('that is not there leaves no file unsaid', async () => {
    let isThere = true
    const check = await createPythonSyntaxCheck((script, stdin) =>
      isThere ? interpreter(script, stdin) : Promise.reject(new Error('It is gone.')),
    )
    isThere = false
    const verdicts = await check?.check([Buffer.from('x = 1\n'), Buffer.from('y = 1\n')])
    expect(verdicts?.map(({ kind }) => kind)).toEqual(['unchecked', 'unchecked'])
  })
})
