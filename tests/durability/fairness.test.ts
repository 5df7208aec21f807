import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { leaseOn, withLease } from '../../src/domain/lease/lease.ts'
import { recordFirst, storeFailure } from '../../src/domain/run/record-call.ts'
import { type Bounds, defaultBounds } from '../../src/domain/shared/bounds.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { queueRoom } from '../../src/workers/queue-rooms.ts'
import { startWorkerPools } from '../../src/workers/worker-pools.ts'
import { made } from '../factories/api.ts'
import { sqlOf } from '../factories/gate.ts'
import { rowId } from '../factories/pipeline.ts'
import { testRedis } from '../support/redis.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const redis = testRedis()

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ pools: {} })
})
afterAll(() => server[Symbol.asyncDispose]())

const projectOf = async (on = server): Promise<string> =>
  rowId(await made(on, 'createProject', { input: { name: 'a project', source: { empty: true } } }))

/** Asks for jobs of a project, as so many transactions would have. */
const ask = async (on: TestServer, projectId: string, count: number): Promise<void> => {
  await sqlOf(
    on,
    `insert into outbox (job, payload, project_id, created_at)
     select 'deliver-webhooks', json_build_object('webhookId', gen_random_uuid(), 'of', $1::text), $1::uuid, now()
     from generate_series(1, $2::int)`,
    [projectId, count],
  )
  on.context.relay.wake()
}

/** A worker that takes each job when the test says so. */
const startWorker = async ({ context }: TestServer, concurrency: number) => {
  const taken: string[] = []
  const mostWaiting: number[] = []
  const held: (() => void)[] = []
  let arrived = () => {}
  const worker = await context.queues.work('webhooks', concurrency, async ({ payload }) => {
    context.services.wake.outbox()
    taken.push((payload as { of: string }).of)
    mostWaiting.push((await context.queues.jobsIn('webhooks')).waiting.length)
    await new Promise<void>((end) => {
      held.push(end)
      arrived()
    })
  })
  return {
    taken,
    mostWaiting,
    /** Until so many jobs are held. */
    async holds(count: number) {
      while (held.length < count) {
        await new Promise<void>((resolve) => {
          arrived = resolve
        })
      }
    },
    /** Ends the one that is held longest. */
    end: () => held.shift()?.(),
    async close() {
      const closed = worker.close()
      let isClosed = false
      closed.then(() => {
        isClosed = true
      })
      while (!isClosed) {
        this.end()
        await wait(10)
      }
    },
  }
}

const fair = async (on: TestServer) => {
  const [many, few] = [await projectOf(on), await projectOf(on)]
  await ask(on, many, 1_000)
  const worker = await startWorker(on, 2)
  await worker.holds(2)
  await ask(on, few, 3)
  const before = worker.taken.length
  while (worker.taken.filter((of) => of === few).length < 3) {
    worker.end()
    await worker.holds(2)
  }
  // What waited in the queue by then, what was on its way there, and the three, one after the other.
  expect(worker.taken.length - before).toBeLessThanOrEqual(queueRoom + 3 + 2)
  expect(Math.max(...worker.mostWaiting)).toBeLessThanOrEqual(queueRoom)
  const left = await sqlOf(on, 'select 1 from outbox where published_at is null and project_id = $1', [many])
  expect(left.length).toBeGreaterThan(900)
  await worker.close()
}

it('a project with a thousand jobs keeps another one waiting for no more than a queue of a few, on PostgreSQL', async () => {
  await using postgres = await startTestServer({ pools: {} })
  await fair(postgres)
})

it.skipIf(redis.url === null)(`and on Redis${redis.note}`, async () => {
  await using onRedis = await startTestServer({ pools: {}, env: { REDIS_URL: redis.url ?? '' } })
  await fair(onRedis)
})

/** A call of a model that ends when the test says so. */
const callOf = async (services: Services, projectId: string, stop = new AbortController()) => {
  const [actor] = await sqlOf(server, 'select id::text from actor limit 1')
  const resource = leaseOn('candidate', randomUUID())
  const sent = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const site = {
    projectId,
    sprintId: null,
    runId: null,
    candidateId: null,
    requestedById: String(actor?.id),
    agent: 'coder',
    scope: resource,
    iteration: 1,
    budgetIds: [],
  }
  const provider = { provider: 'OPENAI', rehearsal: true } as const
  const call = { site, provider, sequence: 0, request: { model: 'a model' }, requestHash: 'a hash', traceId: null }
  const done = withLease(services, resource, stop.signal, async (lease) => {
    const id = await recordFirst(services, lease, call, { costUsd: 0, tokens: 1 })
    sent.resolve()
    await ended.promise
    await storeFailure(lease, id, new Error('Enough.'), false)
  })
  const sentOrNot = Promise.race([sent.promise, done])
  for (const outcome of [done, sentOrNot]) outcome.catch(() => {})
  return { resource, stop, done, sent: sentOrNot, end: ended.resolve }
}

/** This server's services, as a process has them for which these bounds are configured. */
const within = (bounds: Partial<Bounds>): Services => ({
  ...server.context.services,
  processName: randomUUID(),
  bounds: { ...defaultBounds, ...bounds },
})

const waiting = async (count: number) => {
  for (;;) {
    if ((await sqlOf(server, 'select 1 from waiting_call')).length === count) return
    await wait(10)
  }
}

it('a provider has no more calls under way than may be, and projects take turns for them', async () => {
  const services = within({ providerCalls: 2 })
  const [a, b] = [await projectOf(), await projectOf()]
  const [first, second] = [await callOf(services, a), await callOf(services, a)]
  await Promise.all([first.sent, second.sent])
  const third = await callOf(services, a)
  await waiting(1)
  const fourth = await callOf(services, a)
  await waiting(2)
  const late = await callOf(services, b)
  await waiting(3)

  // It came last, and its project has none.
  first.end()
  await late.sent
  await waiting(2)
  second.end()
  await third.sent
  await waiting(1)

  // What a process had sent that has died holds nothing, though nobody has settled it.
  await sqlOf(server, 'update lease set until = to_timestamp(0) where resource = $1', [late.resource])
  await fourth.sent
  expect(await sqlOf(server, `select 1 from model_call where status = 'SENT'`)).toHaveLength(3)

  // Whoever is told to stop waits no more, and leaves no place in the line.
  const stopped = await callOf(services, b)
  await waiting(1)
  stopped.stop.abort(new Error('The process is stopping.'))
  await expect(stopped.done).rejects.toThrow('The process is stopping.')
  await waiting(0)
  for (const { end } of [third, fourth, late]) end()
  await Promise.allSettled([first, second, third, fourth, late].map(({ done }) => done))
  await sqlOf(server, `update model_call set status = 'LOST' where status = 'SENT'`)
})

it('a project has no more calls under way than may be, and leaves the rest of a provider to others', async () => {
  const services = within({ providerCalls: 3, projectCalls: 1 })
  const [a, b] = [await projectOf(), await projectOf()]
  const first = await callOf(services, a)
  await first.sent
  const second = await callOf(services, a)
  await waiting(1)
  const other = await callOf(services, b)
  await other.sent
  await waiting(1)
  first.end()
  await second.sent
  for (const { end } of [second, other]) end()
  await Promise.all([first, second, other].map(({ done }) => done))
  await waiting(0)
})

it('of many who ask at once, in several processes, never more are under way than may be', async () => {
  const processes = [within({ providerCalls: 2 }), within({ providerCalls: 2 })]
  const projects = [await projectOf(), await projectOf()]
  const calls = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      callOf(processes[index % 2] as Services, String(projects[Math.floor(index / 4)])),
    ),
  )
  await Promise.all(
    calls.map(async ({ sent, end, done }) => {
      await sent
      const underWay = await sqlOf(server, `select 1 from model_call where status = 'SENT'`)
      expect(underWay.length).toBeLessThanOrEqual(2)
      end()
      await done
    }),
  )
})

it('each job that a worker takes has the next one published', async () => {
  const { services, queues } = server.context
  const woken = Promise.withResolvers<void>()
  const watched = { ...services, wake: { ...services.wake, outbox: () => woken.resolve() } }
  await using _pools = await startWorkerPools(watched, queues, { webhooks: 1 })
  await queues.add('webhooks', 'deliver-webhooks', { webhookId: randomUUID() }, 'outbox-0')
  await woken.promise
  // The last test: with the pools every lease of this server ends.
})
