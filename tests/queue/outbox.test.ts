import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { currentCursor } from '../../src/domain/event/read-events.ts'
import type { StoredJob } from '../../src/domain/outbox/insert-jobs.ts'
import type { Queues } from '../../src/domain/ports/queues.ts'
import { settleCommitJob } from '../../src/jobs/settle-commit.ts'
import { type OutboxRelay, startOutboxRelay } from '../../src/workers/outbox-relay.ts'
import { createQueueRooms, queueRoom } from '../../src/workers/queue-rooms.ts'
import { everything, silent, type TestLog, take, testLog, write } from '../factories/event-log.ts'

let log: TestLog
beforeAll(async () => {
  log = await testLog()
})
afterAll(() => log[Symbol.asyncDispose]())

const em = () => log.orm.em.fork()

const insert = async (count: number, job = settleCommitJob.name): Promise<string[]> => {
  const client = await log.connect()
  const { rows } = await client.query(
    `insert into outbox (job, payload, created_at)
     select $1, json_build_object('diffId', $2::text), now() from generate_series(1, $3) returning id::text`,
    [job, randomUUID(), count],
  )
  return rows.map(({ id }) => id)
}

const published = async (ids: readonly string[]): Promise<number> => {
  const client = await log.connect()
  const { rows } = await client.query(
    'select count(*)::int as count from outbox where id = any ($1) and published_at is not null',
    [ids],
  )
  return rows[0].count
}

const takenAtOnce: Queues['jobsIn'] = async () => ({ waiting: [], running: [] })

const startRelay = (add: Queues['add'], jobsIn = takenAtOnce) =>
  startOutboxRelay(em, { add, jobsIn }, [settleCommitJob], silent)

/** A job as its transaction tells of it. Its payload is not that of the row, so that it is seen whence it came. */
const told = (id: string): StoredJob => ({
  id,
  job: settleCommitJob.name,
  payload: { diffId: 'as it was told' },
  at: '2026-01-01 00:00:00+00',
})

/** Until the relay publishes what it is told of: it has found that nothing was left before. */
const caughtUp = async (relay: OutboxRelay, added: readonly string[]) => {
  await vi.waitUntil(
    () => {
      relay.wake({ stored: [told('0')] })
      return added.includes('outbox-0')
    },
    { timeout: 10_000, interval: 5 },
  )
}

it('every row is published exactly once by whichever of several relays, under an id that is its own', async () => {
  const added: string[] = []
  const all = Promise.withResolvers<void>()
  const total = 450
  const add: Queues['add'] = async (_pool, _name, _payload, id) => {
    added.push(id)
    if (added.length >= total) all.resolve()
  }
  const relays = [1, 2, 3, 4].map(() => startRelay(add))
  const ids: string[] = []
  for (let round = 0; round < 9; round++) {
    ids.push(...(await insert(total / 9)))
    for (const relay of relays) relay.wake()
  }
  await all.promise
  await Promise.all(relays.map((relay) => relay[Symbol.asyncDispose]()))
  expect(added.toSorted()).toEqual(ids.map((id) => `outbox-${id}`).toSorted())
  expect(await published(ids)).toBe(total)
})

it('what a crash left is published when the next process starts, without a wake', async () => {
  const ids = await insert(3)
  const added: string[] = []
  const all = Promise.withResolvers<void>()
  await using _relay = startRelay(async (pool, name, payload, id) => {
    expect([pool, name, Object.keys(payload as object)]).toEqual(['maintenance', 'settle-commit', ['diffId']])
    added.push(id)
    if (added.length === 3) all.resolve()
  })
  await all.promise
  expect(added).toEqual(ids.map((id) => `outbox-${id}`))
})

it('a queue that refuses loses nothing: the rows stay, and are published once it takes them', async () => {
  const ids = await insert(2)
  const refused = Promise.withResolvers<void>()
  const taken = Promise.withResolvers<void>()
  let down = true
  const added: string[] = []
  await using relay = startRelay(async (_pool, _name, _payload, id) => {
    if (down) {
      refused.resolve()
      throw new Error('the queue is down')
    }
    added.push(id)
    if (added.length === 2) taken.resolve()
  })
  await refused.promise
  expect(await published(ids)).toBe(0)
  down = false
  relay.wake()
  await taken.promise
  expect(added).toEqual(ids.map((id) => `outbox-${id}`))
})

it('a row whose job this process does not know is left to one that does, and holds nobody up', async () => {
  const [foreign = ''] = await insert(1, 'a-job-of-a-newer-version')
  const [known = ''] = await insert(1)
  const added = Promise.withResolvers<string>()
  const relay = startRelay(async (_pool, _name, _payload, id) => added.resolve(id))
  expect(await added.promise).toBe(`outbox-${known}`)
  await relay[Symbol.asyncDispose]()
  expect(await published([foreign, known])).toBe(1)
})

it('a queue that hangs holds back no event, and a process that is told to stop does not wait for it', async () => {
  const ids = await insert(1)
  const hanging = Promise.withResolvers<void>()
  const relay = startRelay(() => {
    hanging.resolve()
    return new Promise(() => {})
  })
  await hanging.promise
  const feed = await log.feed()
  const follower = feed.follow(everything, await currentCursor(em()))
  await write(await log.connect(), log, 7)
  expect(await take(follower, 1)).toEqual([7])
  await follower.return(undefined)
  await relay[Symbol.asyncDispose]()
  expect(await published(ids)).toBe(0)
})

it('what this process has stored is published as it was told, and its row is marked as of its own transaction', async () => {
  const added: string[] = []
  const payloads: unknown[] = []
  const relay = startRelay(async (_pool, _name, payload, id) => {
    added.push(id)
    payloads.push(payload)
  })
  await caughtUp(relay, added)
  const asTold: unknown[] = []
  // The timer may find a row before the relay is told of it.
  for (let round = 0; round < 5 && asTold.length < 3; round++) {
    const ids = await insert(3)
    relay.wake({ stored: ids.map(told) })
    await expect.poll(() => published(ids), { timeout: 10_000 }).toBe(3)
    const { rows } = await (await log.connect()).query(
      `select id::text from outbox where id = any ($1::bigint[]) and published_at = '2026-01-01 00:00:00+00'`,
      [ids],
    )
    asTold.push(...rows.map(({ id }) => payloads[added.indexOf(`outbox-${id}`)]))
  }
  await relay[Symbol.asyncDispose]()
  expect(asTold.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => told('0').payload))
})

it('what is told of and finds no room waits in the outbox, and is published once there is some', async () => {
  const added: string[] = []
  let waiting: readonly string[] = []
  let looks = 0
  const relay = startRelay(
    async (_pool, _name, _payload, id) => {
      added.push(id)
      if (waiting.length < queueRoom) waiting = [...waiting, id]
    },
    async () => {
      looks += 1
      return { waiting, running: [] }
    },
  )
  await caughtUp(relay, added)
  waiting = Array.from({ length: queueRoom }, (_, place) => `outbox-other-${place}`)
  const ids = await insert(queueRoom + 2)
  looks = 0
  relay.wake({ stored: ids.map(told) })
  // Once to see whether there is room for them, and once to see for which of all that wait.
  await vi.waitUntil(() => looks > 1, { timeout: 10_000 })
  expect(await published(ids)).toBe(0)
  waiting = []
  relay.wake()
  await expect.poll(() => published(ids), { timeout: 10_000 }).toBe(queueRoom)
  waiting = []
  relay.wake({ taken: 'maintenance' })
  await expect.poll(() => published(ids), { timeout: 10_000 }).toBe(queueRoom + 2)
  await relay[Symbol.asyncDispose]()
  const own = ids.map((id) => `outbox-${id}`)
  expect(added.filter((id) => own.includes(id)).toSorted()).toEqual(own.toSorted())
})

it('what a queue refuses although it was told of is published once it takes it', async () => {
  const added: string[] = []
  let down = false
  const refused = Promise.withResolvers<void>()
  const relay = startRelay(async (_pool, _name, _payload, id) => {
    if (down) {
      refused.resolve()
      throw new Error('the queue is down')
    }
    added.push(id)
  })
  await caughtUp(relay, added)
  down = true
  const ids = await insert(1)
  relay.wake({ stored: ids.map(told) })
  await refused.promise
  expect(await published(ids)).toBe(0)
  down = false
  await expect.poll(() => published(ids), { timeout: 10_000 }).toBe(1)
  await relay[Symbol.asyncDispose]()
})

it('a process that is told to stop does not wait for a queue that hangs on what it was told of', async () => {
  const added: string[] = []
  let hangs = false
  const hanging = Promise.withResolvers<void>()
  const relay = startRelay(async (_pool, _name, _payload, id) => {
    added.push(id)
    if (!hangs) return
    hanging.resolve()
    await new Promise(() => {})
  })
  await caughtUp(relay, added)
  hangs = true
  const ids = await insert(1)
  relay.wake({ stored: ids.map(told) })
  await hanging.promise
  await relay[Symbol.asyncDispose]()
  expect(await published(ids)).toBe(0)
})

it('of many that are told of at once, no more are added than the queue has room for', async () => {
  const rooms = createQueueRooms(async () => ({ waiting: ['outbox-1', 'outbox-2'], running: [] }))
  const taken = await Promise.all(Array.from({ length: 30 }, () => rooms.take('maintenance', 1)))
  expect(taken.filter(Boolean)).toHaveLength(queueRoom - 2)
  rooms.added('maintenance', queueRoom - 2)
  rooms.taken('maintenance')
  expect(await rooms.take('maintenance', 1)).toBe(true)
})
