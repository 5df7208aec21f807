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

describe.skipIf(skipReason !== null)(`a verdict${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
  const results = new Map<string, ShownResult>()

  beforeAll(async () => {
    await using server = await startTestServer({
      rehearsal: false,
      env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
      pools: { maintenance: 1, tests: 2 },
    })
    const projectId = await readyProject(server)
    const diff = await proposed(server, projectId, { content: addsFile('note.txt', ['A note.']) })
    for (const { status: _status, error: _error, ...test } of [...forgeries, ...honestTests]) {
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

  it.each(forgeries.map((trick) => [trick.name, trick] as const))('is not green: %s', (name, { error }) => {
    const result = shown(name)
    expect(result, JSON.stringify(result)).toMatchObject({ status: 'FAILED' })
    expect(result.exitCode).not.toBe(0)
    if (error) expect(result.error).toMatch(error)
    expect(result.stderr).not.toMatch(/countersign-[0-9a-f]{16}/)
  })

  it.each(honestTests.map((test) => [test.name, test] as const))('is green: %s', (name) => {
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
    ['node --test', ['--test']],
    ['node --experimental-strip-types --test a.ts', ['--experimental-strip-types', '--test', 'a.ts']],
  ])('gets the words of %s', (command, words) => {
    const watched = supervised(command.split(' '))
    expect(watched?.argv.slice(-words.length)).toEqual(words)
    expect(watched?.argv).toContain(watched?.mark)
  })

  it.each([
    'python3 -m http.server',
    'python3 -c pass -m pytest',
    'python3 script.py -m pytest',
    'npm test',
    'sh -c pytest',
    'node a.js',
  ])('leaves alone %s', (command) => {
    expect(supervised(command.split(' '))).toBeNull()
  })
})
