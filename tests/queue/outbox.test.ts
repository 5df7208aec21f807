import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { currentCursor } from '../../src/domain/event/read-events.ts'
import type { Queues } from '../../src/domain/ports/queues.ts'
import { settleCommitJob } from '../../src/jobs/settle-commit.ts'
import { startOutboxRelay } from '../../src/workers/outbox-relay.ts'
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

/** On queues whose jobs are taken at once. */
const startRelay = (add: Queues['add']) =>
  startOutboxRelay(em, { add, jobsIn: async () => ({ waiting: [], running: [] }) }, [settleCommitJob], silent)

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
