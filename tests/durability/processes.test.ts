import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openQueues } from '../../src/adapters/queue/queues.ts'
import { createUnconfinedSandbox } from '../../src/adapters/sandbox/none.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { readQueues } from '../../src/domain/outbox/read-queues.ts'
import type { SandboxAvailability } from '../../src/domain/ports/sandbox.ts'
import { beat, type SignOfLife } from '../../src/domain/process/beat.ts'
import { pools } from '../../src/jobs/job.ts'
import { startHeartbeat } from '../../src/workers/heartbeat.ts'
import { leaveTestsToOthers } from '../../src/workers/leave-tests-to-others.ts'
import { queueRoom } from '../../src/workers/queue-rooms.ts'
import { startWorkerPools } from '../../src/workers/worker-pools.ts'
import { made, mutationDocument } from '../factories/api.ts'
import { proposed } from '../factories/gate.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { endedTestRun, latestTestRun, testCase, testDiff } from '../factories/testing.ts'
import { type HeldProvider, startHeldProvider } from '../support/held-provider.ts'
import { testRedis } from '../support/redis.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let provider: HeldProvider
/** Runs no tests, and so needs no sandbox. */
let server: TestServer
beforeAll(async () => {
  provider = await startHeldProvider()
  server = await startTestServer({
    env: { ...provider.env, SANDBOX: 'docker', DOCKER_HOST: 'unix:///nowhere/docker.sock' },
    pools: { maintenance: 2, planning: 3 },
    overrides: { beatMs: 50 },
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

const query = '{ processes { name pool concurrency running startedAt seenAt } }'

interface ShownProcess {
  readonly name: string
  readonly pool: string | null
  readonly concurrency: number | null
  readonly running: number
  readonly startedAt: string
  readonly seenAt: string
}

/** What is shown of one process, by pool. */
const shown = async (name: string): Promise<ShownProcess[]> =>
  (await server.query(query)).processes.filter((process: ShownProcess) => process.name === name)

const execute = (statement: string, ...parameters: unknown[]) =>
  server.context.services.em().getConnection().execute(statement, parameters)

const isolated: SandboxAvailability = { available: true, driver: 'bubblewrap', detail: 'bubblewrap isolates' }
const helpless: SandboxAvailability = {
  available: false,
  driver: 'bubblewrap',
  reason: 'There is no bubblewrap.',
  remedy: 'Install it.',
}

/** A sign of life of a worker elsewhere; the test's end takes it away. */
const anotherWorker = async (processName: string, said: Partial<SignOfLife> = {}): Promise<void> => {
  onTestFinished(() => execute('delete from process where name = ?', processName).then(() => undefined))
  const parts = [{ pool: 'tests' as const, concurrency: 2, running: 1 }]
  const standard = { host: 'elsewhere', version: '0', sandbox: isolated, ageMs: 60_000, parts }
  await beat({ ...server.context.services, processName }, { ...standard, ...said })
}

/** As if it had given no sign of life since. */
const silence = (processName: string, seconds: number) =>
  execute('update process set seen_at = now() - make_interval(secs => ?) where name = ?', seconds, processName)

const sandboxHealth = async () => {
  const { health } = await server.query('{ health { components { name status detail } } }')
  const found = health.components.find(({ name }: { name: string }) => name === 'sandbox')
  return { ...found, ready: (await fetch(`${server.url}/readyz`)).status }
}

it('a process is shown with its API and each of its pools, and with the jobs that are under way in them', async () => {
  const name = server.context.services.processName
  expect(name.startsWith(`${hostname()}/${process.pid}/`)).toBe(true)
  const processes = await shown(name)
  expect(processes).toMatchObject([
    { pool: null, concurrency: null, running: 0 },
    { pool: 'maintenance', concurrency: 2 },
    { pool: 'planning', concurrency: 3, running: 0 },
  ])
  const [api] = processes
  expect(Date.parse(String(api?.startedAt))).toBeLessThanOrEqual(Date.parse(String(api?.seenAt)))

  const projectId = await readyProject(server)
  let calls = 0
  const held = provider.hold(() => ++calls === 1)
  await made(server, 'createSpec', { input: { projectId, task: 'Think about it.' } })
  const call = await held
  const planning = async () => (await shown(name)).find(({ pool }) => pool === 'planning')?.running
  await expect.poll(planning, { timeout: 20_000 }).toBe(1)
  provider.release()
  await call.answer()
  await expect.poll(planning, { timeout: 20_000 }).toBe(0)
})

it('only an ADMIN of everything is shown processes and queues', async () => {
  const projectId = await readyProject(server)
  for (const [role, membership] of [['REVIEWER', undefined] as const, [null, 'ADMIN'] as const]) {
    const actorId = await made(server, 'createActor', { input: { kind: 'HUMAN', name: 'somebody', role } })
    if (membership) {
      await server.query(mutationDocument('setProjectMember'), { projectId, actorId, role: membership })
    }
    const issuing = { actorId, name: 'a token', role: 'ADMIN' }
    const { createApiToken } = await server.query(mutationDocument('createApiToken'), issuing)
    for (const document of [query, '{ queues { pool } }']) {
      const { data, errors } = await server.request(document, {}, createApiToken.secret)
      expect({ data, code: errors?.[0]?.extensions?.code }).toEqual({ data: null, code: 'FORBIDDEN' })
    }
  }
})

it('a process that was killed grows old, is no longer shown after a minute, and is forgotten after an hour', async () => {
  await anotherWorker('killed')
  const [worker] = await shown('killed')
  expect(worker).toMatchObject({ pool: 'tests', concurrency: 2, running: 1 })
  expect(Date.parse(String(worker?.seenAt)) - Date.parse(String(worker?.startedAt))).toBe(60_000)
  await silence('killed', 50)
  const [old] = await shown('killed')
  expect(Date.parse(String(old?.seenAt))).toBeLessThan(Date.parse(String(worker?.seenAt)))
  expect(old?.startedAt).toBe(worker?.startedAt)
  await silence('killed', 61)
  expect(await shown('killed')).toEqual([])
  const kept = () => execute(`select 1 from process where name = 'killed'`)
  expect(await kept()).toHaveLength(1)
  await silence('killed', 3_601)
  await anotherWorker('somebody else')
  expect(await kept()).toEqual([])
})

it('one that was only paused is shown again from its next sign of life on, as what it was', async () => {
  await anotherWorker('paused')
  const [before] = await shown('paused')
  await silence('paused', 600)
  expect(await shown('paused')).toEqual([])
  await anotherWorker('paused')
  expect(await shown('paused')).toMatchObject([{ startedAt: before?.startedAt, running: 1 }])
})

it('a process that ends in good order is gone at once, and one whose database is away goes on', async () => {
  const warnings: string[] = []
  let isAway = false
  const { services } = server.context
  const log = { ...services.log, warn: (_fields: object, message: string) => void warnings.push(message) }
  const em = () => {
    if (isAway) throw new Error('The database is away.')
    return services.em()
  }
  const heart = await startHeartbeat(
    { ...services, em, log, processName: 'graceful' },
    { api: false, pools: { webhooks: 8 }, running: new Map([['webhooks', 3]]), version: '0', everyMs: 10 },
  )
  expect(await shown('graceful')).toMatchObject([{ pool: 'webhooks', concurrency: 8, running: 3 }])
  isAway = true
  await expect.poll(() => warnings.length, { timeout: 20_000 }).toBeGreaterThan(1)
  expect(warnings[0]).toContain('no sign of life')
  isAway = false
  await silence('graceful', 600)
  await expect.poll(() => shown('graceful'), { timeout: 20_000 }).toHaveLength(1)
  await heart[Symbol.asyncDispose]()
  expect(await shown('graceful')).toEqual([])
})

it('the depth of a queue counts what waits in the outbox and in the queue, and who there is to do it', async () => {
  const depth = async (pool: string) => {
    const { queues } = await server.query(
      '{ queues { pool waiting delayed running concurrency oldestWaitingSeconds } }',
    )
    expect(queues.map((queue: { pool: string }) => queue.pool)).toEqual([...pools])
    return queues.find((queue: { pool: string }) => queue.pool === pool)
  }
  const idle = { waiting: 0, delayed: 0, running: 0, concurrency: 0, oldestWaitingSeconds: null }
  expect(await depth('phases')).toEqual({ pool: 'phases', ...idle })
  // Nobody here takes jobs of this pool; the queue has no room for all of them, and one of a later version is nobody's.
  const jobs = queueRoom + 5
  await execute(
    `insert into outbox (job, payload, created_at)
     select 'advance-sprint', json_build_object('sprintId', gen_random_uuid()), now() - interval '1 hour'
     from generate_series(1, ?)`,
    jobs,
  )
  await execute(`insert into outbox (job, payload, created_at) values ('of-tomorrow', '{}', now())`)
  server.context.services.wake.outbox()
  const isPublished = async () => (await server.context.queues.jobsIn('phases')).waiting.length
  await expect.poll(isPublished, { timeout: 20_000 }).toBe(queueRoom)
  await expect.poll(async () => (await depth('phases')).waiting, { timeout: 20_000 }).toBe(jobs)
  await anotherWorker('busy', { parts: [{ pool: 'phases', concurrency: 4, running: 3 }] })
  await anotherWorker('dead', { parts: [{ pool: 'phases', concurrency: 40, running: 30 }] })
  await silence('dead', 16)
  const found = await depth('phases')
  expect(found).toMatchObject({ waiting: jobs, running: 3, concurrency: 4 })
  expect(found.oldestWaitingSeconds).toBeGreaterThanOrEqual(3_600)
})

it('queues that do not answer are said to be so, by a code that programs know', async () => {
  const { services } = server.context
  const counts = () => Promise.reject(new Error('Redis is not there (reconnecting).'))
  const viewer = await authenticate(services, server.token)
  if (!viewer) throw new Error('unreachable')
  const reading = readQueues({ ...services, queues: { counts } }, viewer)
  await expect(reading).rejects.toMatchObject({
    code: 'QUEUE_UNAVAILABLE',
    message: expect.stringContaining('Redis is not there (reconnecting).'),
  })
})

const redis = testRedis()
it.skipIf(redis.url === null)(`on Redis the depth of a queue is known too${redis.note}`, async () => {
  const { services, queues } = server.context
  const deployment = randomUUID()
  await using onRedis = await openQueues(
    { redisUrl: redis.url ?? '', databaseUrl: server.config.databaseUrl ?? '', deployment },
    services.log,
  )
  const before = Date.now()
  for (const id of ['a', 'b']) await onRedis.add('webhooks', 'deliver-webhooks', {}, id)
  const found = await onRedis.counts()
  expect(found.map(({ pool }) => pool)).toEqual((await queues.counts()).map(({ pool }) => pool))
  const webhooks = found.find(({ pool }) => pool === 'webhooks')
  expect(webhooks).toMatchObject({ waiting: 2, delayed: 0 })
  expect(webhooks?.oldestAt?.getTime()).toBeGreaterThanOrEqual(before)
  expect(found.find(({ pool }) => pool === 'tests')).toEqual({ pool: 'tests', waiting: 0, delayed: 0, oldestAt: null })
})

it('what is to be tested waits while nobody runs tests, which the health says; the API itself is ready all the same', async () => {
  const projectId = await readyProject(server)
  await testCase(server, projectId, { command: ['true'], quick: false })
  const diff = await proposed(server, projectId, { content: addsFile('note.txt', ['A note.']) })
  const { id } = await testCase(server, projectId, { name: 'named', command: ['true'], quick: false })
  const test = () => testDiff(server, diff.id, { testCaseIds: [id] })

  await anotherWorker('helpless', { sandbox: helpless })
  expect(await sandboxHealth()).toMatchObject({
    status: 'failed',
    detail: 'There is no bubblewrap. Install it.',
    ready: 200,
  })
  const refused = await test()
  expect(refused.__typename).toBe('SandboxUnavailableError')
  expect(refused.message).toContain('There is no bubblewrap.')
  expect(await latestTestRun(server, diff.id)).toBeNull()

  await anotherWorker('able')
  expect(await sandboxHealth()).toMatchObject({ status: 'ok', detail: 'bubblewrap isolates', ready: 200 })

  // Both have died: neither what the one could nor what the other could not counts any more.
  await silence('helpless', 16)
  await silence('able', 16)
  const { status, detail, ready } = await sandboxHealth()
  expect({ status, ready }).toEqual({ status: 'failed', ready: 200 })
  expect(detail).toContain('No worker of the pool tests is running')
  expect(await test()).toMatchObject({ __typename: 'TestRun', status: 'QUEUED' })
})

describe('a worker that cannot isolate tests', () => {
  const beating = { api: false, pools: { tests: 1 }, running: new Map(), version: '0', everyMs: 50 }

  it('leaves them to one that can', async () => {
    const { services, queues } = server.context
    const { searchPath, dataDir } = server.config
    const sandbox = createUnconfinedSandbox({ searchPath, scratch: join(dataDir, 'workspaces') })
    const able = { ...services, processName: 'able', sandbox }
    await using _heart = await startHeartbeat(able, beating)
    await using _unable = await startWorkerPools(services, queues, { tests: 1 })
    const projectId = await readyProject(server)
    const { id } = await testCase(server, projectId, { command: ['true'], quick: false })
    const diff = await proposed(server, projectId, { content: addsFile('note.txt', ['A note.']) })
    expect(await testDiff(server, diff.id, { testCaseIds: [id] })).toMatchObject({ status: 'QUEUED' })
    const inQueue = async () => (await queues.jobsIn('tests')).waiting.length
    await expect.poll(inQueue, { timeout: 20_000 }).toBeGreaterThan(0)
    await using _able = await startWorkerPools(able, queues, { tests: 1 })
    expect(await endedTestRun(server, diff.id)).toMatchObject({ status: 'PASSED', sandbox: 'none' })
  })

  it('takes them to say why it cannot when nobody has come who can, and leaves them again to one that comes', async () => {
    let taking = 0
    const work = async () => {
      taking += 1
      return {
        close: async () => {
          taking -= 1
        },
      }
    }
    const patience = { lookMs: 20, awaitMs: 100 }
    const worker = await leaveTestsToOthers(server.context.services, work, patience)
    onTestFinished(() => worker.close())
    expect(taking).toBe(0)
    await expect.poll(() => taking, { timeout: 20_000 }).toBe(1)
    await anotherWorker('as helpless', { sandbox: helpless })
    await anotherWorker('able')
    await expect.poll(() => taking, { timeout: 20_000 }).toBe(0)
    await execute(`delete from process where name = 'able'`)
    await expect.poll(() => taking, { timeout: 20_000 }).toBe(1)
    await worker.close()
    expect(taking).toBe(0)
  })
})

it('a worker whose sandbox has become available says so with its next sign of life', async () => {
  const { services } = server.context
  let found: SandboxAvailability = helpless
  const sandbox = { ...services.sandbox, availability: async () => found }
  const beating = { api: false, pools: { tests: 1 }, running: new Map(), version: '0', everyMs: 20 }
  await using _heart = await startHeartbeat({ ...services, processName: 'mended', sandbox }, beating)
  expect(await sandboxHealth()).toMatchObject({ status: 'failed', detail: 'There is no bubblewrap. Install it.' })
  found = isolated
  await expect.poll(async () => (await sandboxHealth()).status, { timeout: 20_000 }).toBe('ok')
})
