import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { supervised } from '../../src/domain/testing/runners/supervised.ts'
import { proposed } from '../factories/gate.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { endedRun, type ShownResult, testCase, testDiff } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer } from '../support/server.ts'
import { forgeries, honestTests } from './forged-reports.ts'

const skipReason = await reasonToSkip()

/** pytest is no part of Python: where it is not installed its tests are skipped, and no others. */
const hasPytest = spawnSync('python3', ['-c', 'import pytest']).status === 0
const isThere = ({ name }: { readonly name: string }) => hasPytest || !name.startsWith('pytest: ')

describe.skipIf(skipReason !== null)(`a verdict${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
  const results = new Map<string, ShownResult>()

  beforeAll(async () => {
    await using server = await startTestServer({
      rehearsal: false,
      env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
      pools: { maintenance: 1, tests: 4 },
    })
    const projectId = await readyProject(server)
    const diff = await proposed(server, projectId, { content: addsFile('note.txt', ['A note.']) })
    for (const { status: _status, error: _error, ...test } of [...forgeries, ...honestTests].filter(isThere)) {
      expect((await testCase(server, projectId, test)).__typename).toBe('TestCase')
    }
    const run = await endedRun(server, (await testDiff(server, diff.id)).id)
    for (const result of run.results) results.set(result.name, result)
  }, 300_000)
  afterAll(() => results.clear())

  const shown = (name: string) => {
    const result = results.get(name)
    if (!result) throw new Error(`${name} was not run.`)
    return result
  }

  it.for(forgeries)('is not green: $name', ({ name, error }, { skip }) => {
    skip(!isThere({ name }), 'pytest is not installed')
    const result = shown(name)
    expect(result, JSON.stringify(result)).toMatchObject({ status: 'FAILED' })
    expect(result.exitCode).not.toBe(0)
    if (error) expect(result.error).toMatch(error)
    expect(result.stderr).not.toMatch(/countersign-[0-9a-f]{16}/)
  })

  it.for(honestTests)('is green: $name', ({ name }, { skip }) => {
    skip(!isThere({ name }), 'pytest is not installed')
    expect(shown(name), JSON.stringify(shown(name)).slice(0, 2_000)).toMatchObject({
      status: 'PASSED',
      exitCode: 0,
      error: null,
    })
  })
})

describe('who watches over', () => {
  it.each([
    ['python3 -m pytest -q', ['-q']],
    ['/usr/bin/python3.11 -I -m unittest a', ['a']],
    ['pytest tests', ['tests']],
    ['node --import ./a.mjs --test', ['--import', './a.mjs', '--test']],
    ['node --test', ['--test']],
    ['node --experimental-strip-types --test a.ts', ['--experimental-strip-types', '--test', 'a.ts']],
  ])('gets the words of %s', (command, words) => {
    const watched = supervised(command.split(' '))
    expect(watched?.argv.slice(-words.length)).toEqual(words)
    expect(watched?.argv).toContain(watched?.mark)
  })

  it('takes the Python beside a pytest that is named with its place', () => {
    expect(supervised(['.venv/bin/pytest', '-q'])?.argv[0]).toBe('.venv/bin/python3')
    expect(supervised(['pytest', '-q'])?.argv[0]).toBe('python3')
  })

  it.each([
    'python3 -m http.server',
    'python3 -c pass -m pytest',
    'python3 script.py -m pytest',
    'npm test',
    'sh -c pytest',
    'node a.js',
    'node a.js --test',
  ])('leaves alone %s', (command) => {
    expect(supervised(command.split(' '))).toBeNull()
  })
})
