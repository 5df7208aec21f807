import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { proposed } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { endedTestRun, testCase } from '../factories/testing.ts'
import { testSandbox } from '../support/sandbox.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ env: { SANDBOX_WORKSPACE_MIB: '8', SANDBOX_TMP_MIB: '4' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const checkoutsOf = async (projectId: string) =>
  (await readdir(join(server.config.dataDir, 'checkouts', rowId(projectId)))).toSorted()

describe('test runs of diffs', () => {
  it('share one checkout of their base, see their own change, and leave it as it was', async () => {
    const projectId = await readyProject(server)
    const script = 'cat note.txt && ls && echo spoiled > README.md && rm -rf src tests && echo x > left-behind'
    await testCase(server, projectId, { name: 'spoils', command: ['sh', '-c', script] })
    const diffs = await Promise.all(
      ['first', 'second'].map((word) => proposed(server, projectId, { content: addsFile('note.txt', [word]) })),
    )
    const runs = await Promise.all(diffs.map(({ id }) => endedTestRun(server, id)))
    expect(runs.map(({ status, results }) => [status, results[0]?.stdout.split('\n')[0]])).toEqual([
      ['PASSED', 'first'],
      ['PASSED', 'second'],
    ])
    for (const run of runs) expect(run.results[0]?.stdout).not.toContain('left-behind')
    const checkouts = await checkoutsOf(projectId)
    expect(checkouts).toHaveLength(1)
    const { git } = server.context.services
    const files = join(server.config.dataDir, 'checkouts', rowId(projectId), checkouts[0] ?? '', 'files')
    for (const { path, objectId } of await git.listFiles(rowId(projectId), checkouts[0] ?? '')) {
      expect(await readFile(join(files, path))).toEqual(await git.readBlob(rowId(projectId), objectId))
    }
    expect(await readdir(files)).not.toContain('note.txt')
    expect(await readdir(join(server.config.dataDir, 'workspaces'))).toEqual([])
  })

  it.skipIf(!testSandbox().isolates)(`have the limits that are configured${testSandbox().note}`, async () => {
    const projectId = await readyProject(server)
    const script =
      'for place in . /tmp; do dd if=/dev/zero of=$place/fill bs=1M count=64 2>&1 | grep -c "No space"; wc -c < $place/fill; rm $place/fill; done'
    await testCase(server, projectId, { name: 'fills', command: ['sh', '-c', script] })
    const diff = await proposed(server, projectId, { content: addsFile('note.txt', ['x']) })
    const run = await endedTestRun(server, diff.id)
    expect(run.results[0]?.stdout).toBe(`1\n${8 << 20}\n1\n${4 << 20}\n`)
  })
})

it('limits that cannot be meant are refused at the start', () => {
  const wrong = {
    SANDBOX_MEMORY_MIB: '1',
    SANDBOX_PROCESSES: 'many',
    SANDBOX_WORKSPACE_MIB: '-1',
    SANDBOX_TMP_MIB: '0.5',
  }
  for (const [name, value] of Object.entries(wrong)) expect(() => readConfig({ [name]: value })).toThrow(name)
  expect(readConfig({}).sandboxLimits).toMatchObject({
    memoryBytes: 1024 << 20,
    processes: 256,
    workspaceBytes: 256 << 20,
    workspaceFiles: 20_000,
    temporaryBytes: 64 << 20,
    outputBytes: 1 << 20,
    graceMs: 2_000,
  })
})
