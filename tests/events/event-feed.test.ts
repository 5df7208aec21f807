import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { formatCursor, parseCursor } from '../../src/domain/event/event-cursor.ts'
import { currentCursor, findCursor, readEvents } from '../../src/domain/event/read-events.ts'
import { everything, numberOf, type TestLog, take, testLog, theBeginning, write } from '../factories/event-log.ts'

let log: TestLog
beforeAll(async () => {
  log = await testLog()
})
afterAll(() => log[Symbol.asyncDispose]())

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** A transaction that has its place in the order and has not ended. */
const openTransaction = async () => {
  const client = await log.connect()
  await client.query('begin')
  await client.query('select pg_current_xact_id()')
  return client
}

it('transactions that commit against the order of their ids are read in the order of the log, each event once', async () => {
  const feed = await log.feed()
  const follower = feed.follow(everything, await currentCursor(log.orm.em.fork()))
  const [early, late] = [await openTransaction(), await openTransaction()]
  const lateId = await write(late, log, 12)
  const earlyId = await write(early, log, 11)
  expect(BigInt(earlyId)).toBeGreaterThan(BigInt(lateId))
  await late.query('commit')
  feed.wake()
  expect(await readEvents(log.orm.em.fork(), theBeginning, everything, 10)).toEqual([])
  await early.query('commit')
  const after = await openTransaction()
  await write(after, log, 13)
  await after.query('commit')
  expect(await take(follower, 3)).toEqual([11, 12, 13])
  await follower.return(undefined)
})

it('a transaction that stays open holds later events back; they come when it ends, though nobody says so', async () => {
  const feed = await log.feed()
  const follower = feed.follow(everything, await currentCursor(log.orm.em.fork()))
  const open = await openTransaction()
  const writer = await log.connect()
  await write(writer, log, 21)
  await write(writer, log, 22)
  const first = take(follower, 1)
  const outcome = await Promise.race([first, open.query('select pg_sleep(0.6)').then(() => 'held back')])
  expect(outcome).toBe('held back')
  await open.query('rollback')
  expect(await first).toEqual([21])
  expect(await take(follower, 1)).toEqual([22])
  await follower.return(undefined)
})

it('writers that overlap at random: every reader, from wherever it starts, sees the same order without gap or double', async () => {
  const feed = await log.feed()
  const start = await currentCursor(log.orm.em.fork())
  const writers = await Promise.all(range(1, 6).map(() => log.connect()))
  const total = 6 * 25
  const live = take(feed.follow(everything, start), total)
  await Promise.all(
    writers.map(async (writer, index) => {
      for (const turn of range(0, 24)) {
        await writer.query('begin')
        await write(writer, log, 1_000 + index * 25 + turn)
        // In a different order each time: what one transaction reads decides how long it stays open.
        await writer.query('select pg_sleep($1)', [((index * 7 + turn * 3) % 5) / 2_000])
        await writer.query('commit')
        feed.wake()
      }
    }),
  )
  const seen = await live
  expect(new Set(seen).size).toBe(total)
  const stored = await readEvents(log.orm.em.fork(), start, everything, 1_000)
  expect(await take(feed.follow(everything, start), total)).toEqual(seen)
  // Resumed after any event, the rest follows.
  for (const position of [0, 57, total - 2]) {
    const event = stored[position]
    if (!event) throw new Error('unreachable')
    const rest = feed.follow(everything, parseCursor(formatCursor(event)))
    expect(await take(rest, total - position - 1)).toEqual(seen.slice(position + 1))
    await rest.return(undefined)
  }
})

it('a subscriber that is slower than its inbox is deep catches up from the log, nothing lost and nothing twice', async () => {
  const feed = await log.feed(20)
  const slow = feed.follow(everything, await currentCursor(log.orm.em.fork()))
  const quick = feed.follow(everything, await currentCursor(log.orm.em.fork()))
  const writer = await log.connect()
  await write(writer, log, 2_000)
  feed.wake()
  expect(await take(slow, 1)).toEqual([2_000])
  expect(await take(quick, 1)).toEqual([2_000])
  // The slow one does not ask for anything while the quick one reads on, far past the inbox's bound.
  for (const number of range(2_001, 2_120)) {
    await write(writer, log, number)
    feed.wake()
    expect(await take(quick, 1)).toEqual([number])
  }
  expect(await take(slow, 60)).toEqual(range(2_001, 2_060))
  for (const number of range(2_121, 2_140)) await write(writer, log, number)
  feed.wake()
  expect(await take(slow, 80)).toEqual(range(2_061, 2_140))
  await Promise.all([slow.return(undefined), quick.return(undefined)])
})

it('a reader is given the events of its projects alone, of the log and as they come', async () => {
  const feed = await log.feed()
  const start = await currentCursor(log.orm.em.fork())
  const writer = await log.connect()
  const [one, other, third] = [randomUUID(), randomUUID(), randomUUID()]
  const writeTo = (projectId: string, number: number) => write(writer, { ...log, projectId }, number)
  const of = (...projectIds: string[]) => feed.follow({ projectIds }, start)
  const readers = [of(one), of(one, other), of()]
  for (const [index, projectId] of [one, other, third, one].entries()) await writeTo(projectId, 3_501 + index)
  const [first, both, none] = readers
  if (!first || !both || !none) throw new Error('unreachable')
  const nothing = none.next()
  expect(await Promise.all([take(first, 2), take(both, 3)])).toEqual([
    [3_501, 3_504],
    [3_501, 3_502, 3_504],
  ])
  const coming = Promise.all([take(first, 1), take(both, 2)])
  for (const [index, projectId] of [third, other, one].entries()) await writeTo(projectId, 3_511 + index)
  feed.wake()
  expect(await coming).toEqual([[3_513], [3_512, 3_513]])
  for (const reader of readers) await reader.return(undefined)
  expect(await nothing).toEqual({ done: true, value: undefined })
})

it('who takes events as they come is given each once and in order, however slow and however far behind they are', async () => {
  const feed = await log.feed(20)
  const start = await currentCursor(log.orm.em.fork())
  const writer = await log.connect()
  const random = randomNumbers(20_261_122)
  const total = 300
  const taking = [1, 3, 16].map((most) => {
    const numbers: number[] = []
    const events = feed.follow(everything, start)
    const taken = events.handTo((some) => {
      expect(some.length).toBeLessThanOrEqual(most)
      numbers.push(...some.map(numberOf))
      if (numbers.length === total) return void events.return(undefined)
      // Most are done with at once.
      return random(4) > 0 ? undefined : new Promise((resolve) => setTimeout(resolve, random(3)))
    }, most)
    return { numbers, taken }
  })
  for (let written = 0; written < total; ) {
    const count = Math.min(total - written, 1 + random(40))
    await writer.query('begin')
    for (const number of range(3_001 + written, 3_000 + written + count)) await write(writer, log, number)
    await writer.query('commit')
    written += count
    feed.wake()
  }
  await Promise.all(taking.map(({ taken }) => taken))
  for (const { numbers } of taking) expect(numbers).toEqual(range(3_001, 3_300))
  expect(feed.subscribers()).toBe(0)
})

it('what goes wrong where events are taken ends that reader, with the error, and no other', async () => {
  const feed = await log.feed()
  const start = await currentCursor(log.orm.em.fork())
  const other = feed.follow(everything, start)
  const failing = feed.follow(everything, start).handTo((some) => {
    if (some.some((event) => numberOf(event) === 3_402)) throw new Error('Not this one.')
  }, 16)
  const writer = await log.connect()
  await write(writer, log, 3_401)
  expect(await take(other, 1)).toEqual([3_401])
  await write(writer, log, 3_402)
  feed.wake()
  await expect(failing).rejects.toThrow('Not this one.')
  expect(await take(other, 1)).toEqual([3_402])
  await other.return(undefined)
  expect(feed.subscribers()).toBe(0)
})

it('a subscriber that leaves while it waits is gone at once, whether by its signal or by return', async () => {
  const feed = await log.feed()
  const stop = new AbortController()
  const end = await currentCursor(log.orm.em.fork())
  const [aborted, returned] = [feed.follow(everything, end, stop.signal), feed.follow(everything, end)]
  const waiting = [aborted.next(), returned.next()]
  const writer = await log.connect()
  await expect.poll(() => feed.subscribers()).toBe(2)
  stop.abort()
  await returned.return(undefined)
  expect(await Promise.all(waiting)).toEqual([
    { done: true, value: undefined },
    { done: true, value: undefined },
  ])
  expect(feed.subscribers()).toBe(0)
  await write(writer, log, 31)
})

it('a feed that is closed ends its followers', async () => {
  const feed = await log.feed()
  const next = feed.follow(everything, undefined).next()
  await expect.poll(() => feed.subscribers()).toBe(1)
  await feed[Symbol.asyncDispose]()
  expect(await next).toEqual({ done: true, value: undefined })
  expect(feed.subscribers()).toBe(0)
})

it.each([
  '',
  'x',
  '1',
  '1-',
  '-1-1',
  '1-1-1',
  ' 1-1',
  '1-1\n',
  '18446744073709551616-1',
  '1-9223372036854775808',
  `${'9'.repeat(30)}-1`,
])('the cursor %j is refused as a fault of the input', (text) => {
  expect(() => parseCursor(text)).toThrow(expect.objectContaining({ code: 'VALIDATION' }))
})

it('the largest cursors that the database can hold are cursors, and one ahead of the log is refused', async () => {
  const largest = '18446744073709551615-9223372036854775807'
  expect(formatCursor(parseCursor(largest))).toBe(largest)
  const em = log.orm.em.fork()
  await expect(findCursor(em, largest)).rejects.toMatchObject({ code: 'VALIDATION' })
  const now = await currentCursor(em)
  expect(await findCursor(em, formatCursor(now))).toEqual(now)
})
