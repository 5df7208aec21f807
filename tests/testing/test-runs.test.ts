import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/domain/shared/transact.ts'
import { openTestRun, projectTestCases } from '../../src/domain/testing/open-test-run.ts'
import { addsBytes, commit, diffState, gitOf, proposed, review, setPolicy, sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { endedTestRun, latestTestRun, testCase } from '../factories/testing.ts'
import { processesMarked, reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const skipReason = await reasonToSkip()

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())

const note = addsFile('note.txt', ['A note.'])
const shell = (script: string) => ['sh', '-c', script]

describe.skipIf(skipReason !== null)(`test runs${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
  describe.concurrent('every new diff', () => {
    it('is tested with the quick tests, in the sandbox, on what it results in; each result says how it ended', async () => {
      const projectId = await readyProject(server)
      for (const [name, command, more] of [
        ['passes', shell('cat note.txt')],
        ['fails', shell('echo all 7 tests passed; exit 1')],
        ['hangs', shell('echo begun; sleep 60'), { timeoutMs: 1_000 }],
        ['is killed', shell('kill -KILL $$')],
        ['is not there', ['no-such-program']],
        ['is slow', shell('true'), { quick: false }],
        [
          'overlays',
          shell('cat note.txt sub/own.txt'),
          {
            files: [
              { path: 'note.txt', text: 'laid over' },
              { path: 'sub/own.txt', text: ' it' },
            ],
          },
        ],
      ] as const) {
        await testCase(server, projectId, { name, command, ...more })
      }
      const diff = await proposed(server, projectId, { content: note })
      const run = await endedTestRun(server, diff.id)
      expect(run).toMatchObject({ status: 'FAILED', sandbox: 'bubblewrap', total: 6, passed: 2, failed: 4 })
      expect(run.results).toEqual([
        expect.objectContaining({ name: 'passes', status: 'PASSED', exitCode: 0, stdout: 'A note.\n', error: null }),
        expect.objectContaining({ name: 'fails', status: 'FAILED', exitCode: 1, stdout: 'all 7 tests passed\n' }),
        expect.objectContaining({
          name: 'hangs',
          status: 'TIMED_OUT',
          stdout: 'begun\n',
          error: 'Ended after its limit of 1000 ms.',
        }),
        expect.objectContaining({ name: 'is killed', status: 'FAILED', exitCode: null, error: 'Ended by SIGKILL.' }),
        expect.objectContaining({ name: 'is not there', status: 'FAILED', exitCode: 127 }),
        expect.objectContaining({ name: 'overlays', status: 'PASSED', stdout: 'laid over it' }),
      ])
    })

    it('is not tested where there is no test', async () => {
      const diff = await proposed(server, await readyProject(server), { content: note })
      expect(await latestTestRun(server, diff.id)).toBeNull()
    })

    it('keeps its results when the test case is changed or deleted', async () => {
      const projectId = await readyProject(server)
      const { id } = await testCase(server, projectId, { name: 'old', command: shell('echo old') })
      const diff = await proposed(server, projectId, { content: note })
      const before = await endedTestRun(server, diff.id)
      await server.query(
        'mutation ($id: ID!) { updateTestCase(input: { id: $id, name: "new", command: ["false"] }) { __typename } }',
        { id },
      )
      expect(await latestTestRun(server, diff.id)).toEqual(before)
      await server.query('mutation ($id: ID!) { deleteTestCase(id: $id) { __typename } }', { id })
      const after = await latestTestRun(server, diff.id)
      expect(after.results).toEqual([{ ...before.results[0], testCase: null }])
      expect(await latestTestRun(server, (await proposed(server, projectId, { content: note })).id)).toBeNull()
    })

    it.each([
      [{ command: ['echo', '\u0000'] }, 'NUL'],
      [{ command: [] }, 'needs a program'],
      [{ command: ['true'], timeoutMs: 1 }, 'at least 100'],
      [{ command: ['true'], files: [{ path: '../../etc/cron.d/x', text: '' }] }, 'without . or ..'],
      [{ command: ['true'], files: [{ path: '/etc/passwd', text: '' }] }, 'from the root of the project'],
      [{ command: ['true'], files: [{ path: 'a\u0000b', text: '' }] }, 'control characters'],
      [{ command: ['true'], files: [{ path: 'a', text: 'x\u0000y' }] }, 'NUL'],
    ])('is spared a test case like %j', async (input, words) => {
      const answer = await testCase(server, await readyProject(server), input)
      expect(answer.__typename).toBe('ValidationError')
      expect(answer.message).toContain(words)
    })
  })

  describe('a policy that asks for passing tests', () => {
    it('does not let one through whose tests fail, nor one that has none', async () => {
      const projectId = await readyProject(server, { policy: { requirePassingTests: true } })
      const untested = await proposed(server, projectId, { content: note })
      expect(await review(server, untested)).toMatchObject({ status: 'HUMAN_REVIEWING' })
      expect((await commit(server, untested.id)).missing).toEqual(['a passing test run (the latest is missing)'])
      await testCase(server, projectId, { command: ['false'] })
      const failing = await proposed(server, projectId, { content: note })
      await endedTestRun(server, failing.id)
      expect(await review(server, failing)).toMatchObject({ status: 'HUMAN_REVIEWING' })
      expect((await commit(server, failing.id)).missing).toEqual(['a passing test run (the latest is FAILED)'])
      await setPolicy(server, projectId, { requirePassingTests: false })
      expect(await review(server, failing)).toMatchObject({ status: 'APPROVED' })
      expect(await diffState(server, failing.id)).toMatchObject({ approval: { satisfied: true } })
    })
  })

  it("the base's own tests are the base's: no file of the change's is among them, whatever its bytes", async () => {
    const { services } = server.context
    const projectId = await readyProject(server, { policy: { requiredApprovals: 0 } })
    const base = [
      addsFile('tests/test_a.py', ['print("base")']),
      addsFile('tests/run.sh', ['echo run']).replace('100644', '100755'),
      addsBytes('tests/data.bin', Buffer.from([0x00, 0xff, 0xe9, 0x0a])),
      addsFile('a.txt', ['a']),
    ].join('')
    const first = await proposed(server, projectId, { content: base })
    expect(await commit(server, first.id)).toMatchObject({ status: 'COMMITTED' })
    const bent = [
      'diff --git a/tests/test_a.py b/tests/test_a.py\n--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -1 +1 @@\n-print("base")\n+print("bent")\n',
      addsFile('conftest.py', ['print("hooked")']),
      addsFile('pytest.py', ['print("shadowed")']),
      addsFile('b.txt', ['b']),
    ].join('')
    await testCase(server, projectId, {
      command: shell('find . -type f | sort; cat tests/test_a.py; tests/run.sh; od -An -tx1 tests/data.bin'),
    })
    const diff = await proposed(server, projectId, { content: bent })
    expect((await endedTestRun(server, diff.id)).results[0]?.stdout).toContain('bent')
    const [row] = await sqlOf(server, 'select base_tree, result_tree from diff where id = $1', [rowId(diff.id)])
    const testCases = await projectTestCases(services, rowId(projectId))
    await transact(services, async (tx) => {
      const subject = { projectId: rowId(projectId), diffId: rowId(diff.id) }
      await openTestRun(services, tx, {
        subject,
        diffId: rowId(diff.id),
        tree: String(row?.result_tree),
        baseTree: String(row?.base_tree),
        basis: 'BASE',
        testCases,
        force: true,
      })
    })
    const run = await endedTestRun(server, diff.id)
    expect(run.results[0]?.stdout.split('\n')).toEqual([
      './a.txt',
      './b.txt',
      './tests/data.bin',
      './tests/run.sh',
      './tests/test_a.py',
      'print("base")',
      'run',
      ' 00 ff e9 0a',
      '',
    ])
  })

  it('a hostile test gets nowhere, leaves nothing, and what it wrote is kept safely', async () => {
    const projectId = await readyProject(server)
    const mark = randomBytes(8).toString('hex')
    const seconds = `600.${Number.parseInt(mark.slice(0, 6), 16)}`
    const { dataDir } = server.config
    const port = Number(new URL(server.url).port)
    const script = `
import os, socket, subprocess, sys, time
def attempt(name, act):
    try:
        print(name, 'GOT', act())
    except BaseException as error:
        print(name, 'refused', type(error).__name__)
    sys.stdout.flush()
def connect():
    with socket.create_connection(('127.0.0.1', ${port}), 2) as s:
        s.sendall(b'GET /healthz HTTP/1.0\\r\\n\\r\\n')
        return s.recv(20)
attempt('network', connect)
attempt('data', lambda: os.listdir(${JSON.stringify(dataDir)}))
attempt('token', lambda: open(${JSON.stringify(join(dataDir, 'admin-token'))}).read())
attempt('outside', lambda: open('/etc/${mark}', 'w').write('x'))
attempt('usr', lambda: open('/usr/bin/${mark}', 'w').write('x'))
attempt('workspace', lambda: open('../${mark}', 'w').write('x'))
open('/tmp/${mark}', 'w').write('x')
attempt('environment', lambda: [k for k in os.environ if k not in ('PATH', 'HOME', 'LANG', 'PWD', 'LC_CTYPE')])
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp('sleep', ['sleep', '${seconds}'])
        os._exit(0)
sys.stdout.write('\\0\\x1b[2J\\x1b]0;owned\\x07\\udcff'.encode('utf-8', 'surrogateescape').decode('latin-1'))
sys.stdout.flush()
for _ in range(300):
    sys.stdout.write('x' * 65536)
print('END')
`
    await testCase(server, projectId, {
      command: ['python3', '-I', 'hostile.py'],
      timeoutMs: 20_000,
      files: [{ path: 'hostile.py', text: script }],
    })
    const head = await gitOf(server, projectId, 'rev-parse', 'main')
    const diff = await proposed(server, projectId, { content: note })
    const run = await endedTestRun(server, diff.id)
    const [result] = run.results
    expect(run.sandbox).toBe('bubblewrap')
    expect(result?.stdout.split('\n').slice(0, 7)).toEqual([
      expect.stringMatching(/^network refused/),
      expect.stringMatching(/^data refused/),
      expect.stringMatching(/^token refused/),
      expect.stringMatching(/^outside refused/),
      expect.stringMatching(/^usr refused/),
      expect.stringMatching(/^workspace refused/),
      'environment GOT []',
    ])
    expect(result?.truncated).toBe(true)
    expect(result?.stdout).not.toContain('\u0000')
    // What speaks to a terminal is gone with its words.
    for (const trace of ['\u001b', 'owned', '[2J']) expect(result?.stdout).not.toContain(trace)
    expect(result?.stdout.isWellFormed()).toBe(true)
    expect(result?.stdout.length).toBeLessThan(1.2 * 1024 * 1024)
    expect(result?.stdout.trimEnd().endsWith('END')).toBe(true)
    expect(processesMarked(seconds)).toEqual([])
    for (const path of [`/etc/${mark}`, `/usr/bin/${mark}`, `/tmp/${mark}`, join(dataDir, 'workspaces', mark)])
      expect(existsSync(path)).toBe(false)
    expect(await readdir(join(dataDir, 'workspaces'))).toEqual([])
    expect(await gitOf(server, projectId, 'rev-parse', 'main')).toBe(head)
  })
})
