import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildEnvironment } from '../../src/domain/environment/build-environment.ts'
import { askForRemoval, removeEnvironment } from '../../src/domain/environment/remove-environment.ts'
import { builtEnvironment, createHold, environmentWhen, setEnvironment, shell } from '../factories/environments.ts'
import { proposed, sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { endedRun, endedTestRun, testCase, testDiff } from '../factories/testing.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

let database: TestDatabase
let directory: TemporaryDirectory
beforeAll(async () => {
  database = await createTestDatabase()
  directory = await temporaryDirectory()
})
afterAll(async () => {
  await database.drop()
  await directory[Symbol.asyncDispose]()
})

const patience = { intervalMs: 200, waitingMs: 60_000, abandonedMs: 300 }
const startProcess = () =>
  startServerProcess(
    { DATABASE_URL: database.url, DATA_DIR: directory.path, REHEARSAL: 'always' },
    { leaseMs: 3_000, patience },
  )
const layers = async (dataDir: string) => await readdir(join(dataDir, 'environments'))

it('a builder that is killed leaves no layer, and the next one builds it from the beginning', async () => {
  await using hold = await createHold()
  const first = await startProcess()
  const projectId = await readyProject(first as unknown as TestServer)
  await setEnvironment(first, projectId, { setupCommands: [shell('echo begun > word'), hold.command] })
  await hold.arrived(1)
  expect(await layers(directory.path)).toEqual([expect.stringMatching(/^part-/)])
  await first.end('SIGKILL')
  await using second = await startProcess()
  await hold.arrived(2)
  expect((await environmentWhen(second, projectId, () => true)).status).toBe('RUNNING')
  hold.letGo()
  const { status, log } = await builtEnvironment(second, projectId)
  expect(status).toBe('SUCCEEDED')
  expect(log?.match(/echo begun/g)).toHaveLength(1)
  expect(await layers(directory.path)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
  // Two servers are started one after the other.
}, 180_000)

it('a build whose job comes twice, late or for nothing is made once', async () => {
  await using server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
  const { services } = server.context
  const projectId = await readyProject(server)
  await using hold = await createHold()
  await setEnvironment(server, projectId, { setupCommands: [hold.command, shell('echo once')] })
  const [row] = await sqlOf(server, 'select id from environment')
  const never = new AbortController().signal
  const builds = [1, 2].map(() => buildEnvironment(services, String(row?.id), never))
  await hold.arrived(1)
  hold.letGo()
  await Promise.all(builds)
  const { log } = await builtEnvironment(server, projectId)
  await buildEnvironment(services, String(row?.id), never)
  expect((await builtEnvironment(server, projectId)).log).toBe(log)
})

it('a layer that no run needed for long is removed, one in use never, and it is built again on need', async () => {
  await using server: TestServer = await startTestServer({ rehearsal: false })
  const { services } = server.context
  const projectId = await readyProject(server)
  await testCase(server, projectId, { command: ['cat', 'word'] })
  await setEnvironment(server, projectId, { setupCommands: [shell('echo there > word')] })
  const diff = await proposed(server, projectId, { content: addsFile('a.txt', ['a']) })
  await endedTestRun(server, diff.id)
  expect(await askForRemoval(services)).toBe(0)
  const id = String((await sqlOf(server, 'select id from environment'))[0]?.id)
  const never = new AbortController().signal
  const old = () => sqlOf(server, "update environment set needed_at = now() - interval '15 days'")
  await old()
  await sqlOf(server, "update test_run set status = 'RUNNING'")
  expect(await askForRemoval(services)).toBe(0)
  await removeEnvironment(services, id, never)
  expect(await layers(server.config.dataDir)).toHaveLength(1)
  await sqlOf(server, "update test_run set status = 'PASSED'")
  await old()
  expect(await askForRemoval(services)).toBe(1)
  while ((await layers(server.config.dataDir)).length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await askForRemoval(services)).toBe(0)
  expect(
    await sqlOf(server, 'select status, removed_at from environment where project_id = $1', [rowId(projectId)]),
  ).toEqual([{ status: 'SUCCEEDED', removed_at: expect.any(Date) }])
  const again = await endedRun(server, (await testDiff(server, diff.id, { force: true })).id)
  expect(again).toMatchObject({ status: 'PASSED', results: [{ stdout: 'there\n' }] })
  expect(await sqlOf(server, 'select removed_at from environment')).toEqual([{ removed_at: null }])
})
