import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCodeAnalyzer } from '../../src/adapters/analyzer/pool.ts'
import { createPythonSyntaxCheck, localPython } from '../../src/adapters/analyzer/python-syntax.ts'
import type { CodeAnalyzer } from '../../src/domain/ports/code-analyzer.ts'

const analyzer = createCodeAnalyzer()
afterAll(() => analyzer[Symbol.asyncDispose]())

const file = (path: string, content: string | Buffer) => ({ path, content: Buffer.from(content as string) })

async function findings(content: string | Buffer, by: CodeAnalyzer = analyzer) {
  const [analysis] = await by.analyze([file('a.py', content)])
  return analysis?.findings.map(({ code, line }) => `${code}:${line}`)
}

describe('deceptions', () => {
  test.each([
    ['a coding line that is not UTF-8', '# -*- coding: utf-7 -*-\nx = 1\n', ['NON_UTF8_CODING:1']],
    [
      'a coding line on the second line',
      '#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\n',
      ['NON_UTF8_CODING:2'],
    ],
    ['a bidirectional control', 'x = 1\naccess = "user\u202e \u2066# admin\u2069"\n', ['BIDIRECTIONAL_CONTROL:2']],
    ['an invisible character', 'x = "a\u200bb"\n', ['INVISIBLE_CHARACTER:1']],
    ['a control character', 'x = 1 # \x1b[2K\n', ['CONTROL_CHARACTER:1']],
    ['an identifier that reads otherwise', 'ﬁle = 1\n', ['NFKC_IDENTIFIER:1']],
    ['a computed name from a module that matters', 'import os\ngetattr(os, name)()\n', ['COMPUTED_NAME:2']],
    ['bytes that are not UTF-8', Buffer.from('x = "\xff"\n', 'latin1'), ['INVALID_UTF8:null']],
  ])('%s', async (_, source, expected) => {
    expect(await findings(source)).toEqual(expected)
  })

  test('a lone carriage return hides no code in a comment', async () => {
    const [analysis] = await analyzer.analyze([file('a.py', '# harmless\reval("1")\n')])
    expect(analysis?.findings.map(({ code }) => code)).toEqual(['BARE_CARRIAGE_RETURN'])
    expect(analysis?.uses.map(({ symbol, line }) => `${symbol}:${line}`)).toEqual(['eval:2'])
  })

  test.each([
    ['a UTF-8 coding line', '# coding: utf-8\nx = 1\n'],
    ['a coding line after the second line', 'x = 1\n\n# coding: utf-7\n'],
    ['a byte order mark', '\ufeffx = 1\n'],
    ['letters of other scripts', 'größe = "日本語 👩‍💻"\n'],
    ['CR LF line ends', 'x = 1\r\ny = 2\r\n'],
    ['a known name given to getattr', 'import os\ngetattr(os, "O_BINARY", 0)\n'],
  ])('%s is none', async (_, source) => {
    expect(await findings(source)).toEqual([])
  })

  test('columns count characters, and the mark at the beginning is none', async () => {
    const [analysis] = await analyzer.analyze([file('a.py', '\ufeffx = "𝒳"; eval("1")\n')])
    expect(analysis?.uses[0]).toMatchObject({ line: 1, column: 10, snippet: 'x = "𝒳"; eval("1")' })
  })
})

describe('a hostile file', () => {
  const hostile: readonly (readonly [string, string | Buffer])[] = [
    ['2 MB of additions', `eval(x)\n${'1+'.repeat(1_000_000)}1\n`],
    ['10,000 nested brackets', `x = ${'[eval,'.repeat(10_000)}${']'.repeat(10_000)}\n`],
    ['a chain of 100,000 attributes', `import os\nos${'.a'.repeat(100_000)}\n`],
    ['NUL bytes', 'import os\nos.sys\0tem("ls")\n'],
    ['noise', Buffer.from(Array.from({ length: 10_000 }, (_, index) => (index * 7919) % 256))],
  ]
  let hurried: CodeAnalyzer
  beforeAll(() => {
    hurried = createCodeAnalyzer({ timeoutMs: 1_500, maxBytes: 4 * 1024 * 1024 })
  })
  afterAll(() => hurried[Symbol.asyncDispose]())

  test.each(hostile)('%s ends within the limit, is reported, and the next file is analysed', async (_, content) => {
    const begun = performance.now()
    const [bad, good] = await hurried.analyze([file('bad.py', content), file('good.py', 'eval("1")\n')])
    const reported = [...(bad?.findings ?? []), ...(bad?.syntaxFaults ?? []), ...(bad?.uses ?? [])]
    expect(reported.length).toBeGreaterThan(0)
    expect(good?.uses.map(({ symbol }) => symbol)).toEqual(['eval'])
    expect(performance.now() - begun).toBeLessThan(20_000)
  })

  test('a file over the limit is said not to be analysed', async () => {
    const [analysis] = await analyzer.analyze([file('a.py', 'x = 1\n'.repeat(900_000))])
    expect(analysis).toMatchObject({ language: 'PYTHON', uses: [], findings: [{ code: 'TOO_LARGE' }] })
  })

  test.skipIf(!existsSync('/proc/self/task'))(
    'no process is started before a file comes, and two serve all callers',
    async () => {
      await using own = createCodeAnalyzer({ processes: 2 })
      const before = analyzerProcesses()
      const started = () => analyzerProcesses().filter((pid) => !before.includes(pid))
      expect(started()).toEqual([])
      await own.analyze([file('a.png', '\0')])
      expect(started()).toEqual([])
      const many = Array.from({ length: 20 }, (_, index) => file(`${index}.py`, `x = ${index}\n`))
      await Promise.all([own.analyze(many), own.analyze(many), own.analyze(many)])
      const serving = started()
      expect(serving.length).toBeGreaterThan(0)
      expect(serving.length).toBeLessThanOrEqual(2)
      await own.analyze(many)
      expect(started()).toEqual(serving)
    },
  )

  test('a process that is killed is replaced', async () => {
    await using own = createCodeAnalyzer({ processes: 1, timeoutMs: 400 })
    await own.analyze([file('warm.py', 'x = 1\n')]).catch(() => undefined)
    const slow = file(
      'slow.py',
      `x = ${'eval('.repeat(200_000)}1${')'.repeat(200_000)}\n${'eval(x)\n'.repeat(300_000)}`,
    )
    const [bad, good] = await own.analyze([slow, file('good.py', 'eval("1")\n')])
    expect(bad?.findings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'ANALYSIS_FAILED: The file could not be analysed: it took more than 400 ms.',
    ])
    expect(good?.uses.map(({ symbol }) => symbol)).toEqual(['eval'])
  })

  test('calls at the same time are answered each with their own files', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        analyzer.analyze([file(`${index}.py`, `${'\n'.repeat(index)}eval("1")\n`)]),
      ),
    )
    expect(answers.map(([analysis]) => [analysis?.path, analysis?.uses[0]?.line])).toEqual(
      Array.from({ length: 8 }, (_, index) => [`${index}.py`, index + 1]),
    )
  })
})

/** The ids of the processes of this one that analyse, lowest first. */
function analyzerProcesses(): readonly number[] {
  const children = readdirSync('/proc/self/task').flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return children.filter((pid) => /analyzer\/child\./.test(commandLine(pid))).sort((a, b) => a - b)
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    // It ended between the listing and the look.
    return ''
  }
}

const hasPython = (() => {
  try {
    execFileSync('python3', ['-I', '-S', '-c', 'pass'])
    return true
  } catch {
    return false
  }
})()

describe.runIf(hasPython)("syntax by Python's own parser", () => {
  const run = localPython({ python: 'python3', timeoutMs: 20_000 })

  test('its message and line are reported, file by file', async () => {
    const check = await createPythonSyntaxCheck(run)
    await using checked = createCodeAnalyzer({ syntaxCheck: check })
    expect(checked.version).toContain('CPython 3.')
    const [good, late, outside, nul] = await checked.analyze([
      file('good.py', 'x = 1\n'),
      file('late.py', 'x = 1\ny = = 2\n'),
      file('outside.py', '\n\nreturn 1\n'),
      file('nul.py', 'x = "\0"\n'),
    ])
    expect(good?.syntaxFaults).toEqual([])
    expect(late?.syntaxFaults).toEqual([{ path: 'late.py', line: 2, message: 'invalid syntax' }])
    expect(outside?.syntaxFaults).toEqual([{ path: 'outside.py', line: 3, message: "'return' outside function" }])
    expect(nul?.syntaxFaults[0]?.message).toMatch(/null bytes/)
  })

  test('nothing that is checked is executed', async () => {
    const check = await createPythonSyntaxCheck(run)
    const source = 'import sys\nprint("ran", flush=True)\nsys.exit(3)\n'
    expect(await check?.check([Buffer.from(source)])).toEqual([{ kind: 'valid' }])
  })

  test('a source that ends the interpreter is found, and the others are checked', async () => {
    const check = await createPythonSyntaxCheck(async (script, stdin) => {
      const isBad = stdin.includes(Buffer.from('bad').toString('base64'))
      return isBad ? { exitCode: null, stdout: '', stderr: '' } : run(script, stdin)
    })
    const verdicts = await check?.check([Buffer.from('x = 1\n'), Buffer.from('bad'), Buffer.from('x = = 1\n')])
    expect(verdicts?.map(({ kind }) => kind)).toEqual(['valid', 'unchecked', 'fault'])
  })
})

test('without a Python, the other parser says what does not parse', async () => {
  expect(await createPythonSyntaxCheck(localPython({ python: '/nowhere/python3', timeoutMs: 1_000 }))).toBeNull()
  const [analysis] = await analyzer.analyze([file('a.py', 'x = 1\ndef f(:\n    pass\n')])
  expect(analysis?.syntaxFaults[0]).toMatchObject({ path: 'a.py' })
})
