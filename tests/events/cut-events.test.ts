import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { createEventFeed } from '../../src/adapters/events/event-feed.ts'
import { type Cut, cutEvents } from '../../src/domain/event/cut-events.ts'
import { type EventCursor, isAfter } from '../../src/domain/event/event-cursor.ts'
import { currentCursor, readEvents } from '../../src/domain/event/read-events.ts'
import type { Transaction } from '../../src/domain/shared/transact.ts'
import {
  everything,
  numberOf,
  silent,
  type TestLog,
  take,
  testLog,
  theBeginning,
  write,
} from '../factories/event-log.ts'

let log: TestLog
let client: pg.Client
beforeAll(async () => {
  log = await testLog()
  client = await log.connect()
  // The webhooks here are of projects that nobody made.
  await client.query(`alter table webhook drop constraint webhook_project_id_foreign`)
  await client.query(`alter table webhook drop constraint webhook_created_by_id_foreign`)
})
beforeEach(async () => {
  await client.query('delete from webhook')
  await client.query('delete from event')
})
afterAll(() => log[Symbol.asyncDispose]())

const em = () => log.orm.em.fork()
const month = 30 * 24
const tooOld = expect.objectContaining({ code: 'CURSOR_TOO_OLD' })

/** Until nothing is under way, in any database of the server, that was before what is written here. */
const settled = () =>
  expect
    .poll(() => query('select from event where xid >= pg_snapshot_xmin(pg_current_snapshot())'), { timeout: 30_000 })
    .toEqual([])

/** Removes what is more than a month old. */
const cut = (limit = 1_000): Promise<Cut> =>
  em().transactional((tx) => cutEvents({ em: tx } as unknown as Transaction, month * 3_600_000, limit))

const query = async (statement: string, values: unknown[] = []) => (await client.query(statement, values)).rows

const writeAged = async (writer: pg.Client, number: number, ageHours: number): Promise<EventCursor> => {
  const id = await write(writer, log, number)
  const statement = `update event set at = now() - make_interval(mins => $2) where id = $1 returning xid::text as xid`
  const { rows } = await writer.query(statement, [id, Math.round(ageHours * 60)])
  return { xid: rows[0].xid, id }
}

const numbersLeft = async () => (await readEvents(em(), await horizon(), everything, 1_000)).map(numberOf)

const horizon = async (): Promise<EventCursor> => {
  const [row] = await query('select xid::text, event_id::text as id from event_horizon')
  return { xid: row?.xid, id: row?.id }
}

it.each([
  ['nothing is old', [1, 2, month], [0, 1, 2]],
  ['all is old', [month + 9, month + 8, month + 2], []],
  ['old ones before young ones', [month + 2, month + 2, 5], [2]],
  ['an old one behind a young one, which a long transaction or another clock made', [month + 9, 5, month + 9], [1, 2]],
  ['one that is just past its time: its transaction may have ended an hour later', [month + 0.9, month + 9], [0, 1]],
])('what is removed is old, and with all before it: %s', async (_, ages, left) => {
  for (const [number, age] of ages.entries()) await writeAged(client, number, age)
  await settled()
  expect(await cut()).toMatchObject({ removed: ages.length - left.length, isMore: false, isHeld: false })
  expect(await numbersLeft()).toEqual(left)
  expect(await cut()).toMatchObject({ removed: 0 })
})

it('the order is that of numbers: after 99 comes 100', async () => {
  await query(`select setval('event_id_seq', 1097)`)
  await query('begin')
  for (const [number, age] of [month + 2, 5, month + 2, month + 2].entries()) await writeAged(client, number, age)
  await query('commit')
  expect(await query('select min(id)::text as first from event')).toEqual([{ first: '1098' }])
  await query(`update event set id = id - 1000`)
  await settled()
  expect(await cut()).toMatchObject({ removed: 1 })
  expect(await numbersLeft()).toEqual([1, 2, 3])
})

it('it goes batch by batch, each of which is whole by itself', async () => {
  for (const number of [0, 1, 2, 3, 4]) await writeAged(client, number, month + 2)
  await settled()
  expect([await cut(2), await cut(2)]).toMatchObject([
    { removed: 2, isMore: true },
    { removed: 2, isMore: true },
  ])
  expect(await numbersLeft()).toEqual([4])
  expect(await cut(2)).toMatchObject({ removed: 1, isMore: false })
})

it('what a living webhook has yet to be sent stays, and all after it; one that is dead or deleted holds nothing', async () => {
  const cursors: EventCursor[] = []
  for (const number of [0, 1, 2]) cursors.push(await writeAged(client, number, month + 2))
  const addWebhook = async (projectId: string, { xid, id }: EventCursor) => {
    const webhookId = randomUUID()
    await query(
      `insert into webhook (id, project_id, url, cursor_xid, cursor_id, failures, next_at, created_by_id, created_at)
       values ($1, $2, 'https://example.org', $3::text::xid8, $4, 0, now(), $1, now())`,
      [webhookId, projectId, xid, id],
    )
    return webhookId
  }
  const behind = await addWebhook(log.projectId, cursors[0] ?? theBeginning)
  const elsewhere = await addWebhook(randomUUID(), theBeginning)
  await settled()
  expect(await cut()).toMatchObject({ removed: 1, isHeld: true })
  expect(await numbersLeft()).toEqual([1, 2])
  // It has nothing to be sent, and is not left behind the horizon: it would be told that it has missed something.
  const [quiet] = await query('select cursor_xid::text as xid, cursor_id::text as id from webhook where id = $1', [
    elsewhere,
  ])
  expect(quiet).toEqual(cursors[0])
  await query('update webhook set dead_at = now() where id = $1', [behind])
  expect(await cut()).toMatchObject({ removed: 2, isHeld: false })
  await addWebhook(log.projectId, theBeginning)
  await query('update webhook set deleted_at = now() where dead_at is null')
  await writeAged(client, 3, month + 2)
  await settled()
  expect(await cut()).toMatchObject({ removed: 1, isHeld: false })
})

it('whatever transactions overlap and whenever it is cut, a reader sees all after its cursor or is refused', async () => {
  const random = randomNumbers(20_261_122)
  const writers = await Promise.all(
    [1, 2, 3, 4].map(async () => ({ client: await log.connect(), isOpen: false, written: [] as EventCursor[] })),
  )
  const ages = new Map<string, number>()
  const committed: EventCursor[] = []
  const cursors = [await currentCursor(em())]
  const read: { after: EventCursor; ids: readonly string[] }[] = []
  let refused = 0
  const readAfter = async (after: EventCursor) => {
    const isRefused = isAfter(await horizon(), after)
    const reading = readEvents(em(), after, everything, 1_000)
    if (isRefused) {
      refused += 1
      await expect(reading).rejects.toEqual(tooOld)
    } else read.push({ after, ids: (await reading).map(({ id }) => id) })
  }
  for (let step = 0; step < 400; step++) {
    const writer = writers[random(writers.length)]
    if (!writer) throw new Error('unreachable')
    const action = random(10)
    if (action < 5) {
      if (!writer.isOpen) await writer.client.query('begin')
      writer.isOpen = true
      // Mostly old, so that something goes, and in no order.
      const age = random(5) === 0 && step > 150 ? random(month) : month + 2 + random(month)
      const cursor = await writeAged(writer.client, step, age)
      ages.set(cursor.id, age)
      writer.written.push(cursor)
    } else if (action < 7) {
      if (!writer.isOpen) continue
      const keeps = random(6) > 0
      await writer.client.query(keeps ? 'commit' : 'rollback')
      if (keeps) {
        committed.push(...writer.written)
        cursors.push(...writer.written)
      }
      writer.isOpen = false
      writer.written = []
    } else if (action < 8) {
      await cut(1 + random(4))
    } else if (action < 9) {
      cursors.push(await currentCursor(em()))
    } else {
      await readAfter(cursors[random(cursors.length)] ?? theBeginning)
    }
  }
  for (const { client: each } of writers) await each.query('rollback')
  await settled()
  await cut()
  for (const cursor of cursors) await readAfter(cursor)
  const order = committed.toSorted((a, b) => (isAfter(a, b) ? 1 : -1))
  for (const { after, ids } of read) {
    const expected = order.filter((cursor) => isAfter(cursor, after)).map(({ id }) => id)
    expect(ids).toEqual(expected.slice(0, ids.length))
  }
  const end = await horizon()
  const gone = order.filter((cursor) => !isAfter(cursor, end))
  expect(gone.filter(({ id }) => (ages.get(id) ?? 0) <= month)).toEqual([])
  expect((await query('select id::text from event order by event.xid, event.id')).map(({ id }) => id)).toEqual(
    order.filter((cursor) => isAfter(cursor, end)).map(({ id }) => id),
  )
  // That all of it came about.
  expect([gone.length > 30, refused > 5, read.some(({ ids }) => ids.length > 10)]).toEqual([true, true, true])
})

it('a reader whom it overtakes has what it was given before without a gap, and then hears of it', async () => {
  const feed = await log.feed()
  const start = await currentCursor(em())
  await query(
    `insert into event (at, project_id, body)
     select now() - interval '40 days', $1, json_build_object('type', 'CheckpointReached', 'sequence', number)
     from generate_series(1, 600) as number`,
    [log.projectId],
  )
  await settled()
  const reader = feed.follow(everything, start)
  expect(await take(reader, 1)).toEqual([1])
  expect(await cut()).toMatchObject({ removed: 600 })
  expect(await take(reader, 499)).toEqual(Array.from({ length: 499 }, (_, index) => index + 2))
  await expect(reader.next()).rejects.toEqual(tooOld)
})

it('a process that stood still for too long tells its subscribers that they have missed something, and reads on', async () => {
  let isPaused = false
  const paused = () => {
    if (isPaused) throw new Error('This process stands still.')
    return em()
  }
  await using feed = await createEventFeed(paused, silent)
  const reader = feed.follow(everything, await currentCursor(em()))
  await write(client, log, 1)
  expect(await take(reader, 1)).toEqual([1])
  const next = reader.next()
  const missed = expect(next).rejects.toEqual(tooOld)
  isPaused = true
  await writeAged(client, 2, month + 2)
  await query(`update event set at = now() - interval '40 days'`)
  await settled()
  expect(await cut()).toMatchObject({ removed: 2 })
  isPaused = false
  feed.wake()
  await missed
  const later = feed.follow(everything, await currentCursor(em()))
  const arriving = take(later, 1)
  await write(client, log, 3)
  expect(await arriving).toEqual([3])
})
