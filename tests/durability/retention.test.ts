import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { LeaseLostError, leaseOn, withLease } from '../../src/domain/lease/lease.ts'
import { askForTrimming } from '../../src/domain/maintenance/ask-for-trimming.ts'
import { trimLogs } from '../../src/domain/maintenance/trim-logs.ts'
import { rows } from '../../src/domain/shared/database.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import type { Transaction } from '../../src/domain/shared/transact.ts'
import { handlers } from '../../src/workers/handlers.ts'
import { sqlOf } from '../factories/gate.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** Without workers: what is asked for, nobody does but the test. */
let server: TestServer
let services: Services
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: {} })
  services = server.context.services
})
afterAll(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  for (const table of ['event', 'outbox', 'lease', 'client_mutation']) await sqlOf(server, `delete from ${table}`)
})

const stop = new AbortController().signal
const none = '00000000-0000-4000-8000-000000000000'

const counted = async (table: string): Promise<number> =>
  Number((await sqlOf(server, `select count(*)::int as count from ${table}`))[0]?.count)

/** Events that are so many hours old, and older than whatever is under way in any database of the server. */
const events = async (count: number, hours: number) => {
  await sqlOf(
    server,
    `insert into event (at, project_id, body) select now() - make_interval(hours => $2), $3, '{"type": "none"}'
     from generate_series(1, $1)`,
    [count, hours, none],
  )
  const hidden = 'select from event where xid >= pg_snapshot_xmin(pg_current_snapshot())'
  await expect.poll(() => sqlOf(server, hidden), { timeout: 30_000 }).toEqual([])
}
const jobs = (count: number, createdHours: number, publishedHours: number | null) =>
  sqlOf(
    server,
    `insert into outbox (job, payload, created_at, published_at)
     select 'a-job-that-nobody-knows', '{}', now() - make_interval(hours => $2), now() - make_interval(hours => $3)
     from generate_series(1, $1)`,
    [count, createdHours, publishedHours],
  )

const month = 30 * 24

it('rows that are older than the retention says go, batch by batch, and the others stay', async () => {
  await events(25, month + 2)
  await events(3, month)
  await jobs(25, 25, 25)
  // Not yet published, published lately, and asked for lately.
  await jobs(2, 1_000, null)
  await jobs(2, 1_000, 23)
  await jobs(2, 23, 23)
  await sqlOf(
    server,
    `insert into client_mutation (actor_id, mutation, client_mutation_id, object_id, created_at)
     select (select id from actor limit 1), 'createSpec', age::text, $1, now() - make_interval(hours => age)
     from unnest(array[1, ${month - 1}, ${month + 1}, ${month + 2}]) as age`,
    [none],
  )
  await trimLogs(services, stop, 10)
  expect(await counted('event')).toBe(3)
  expect(await counted('outbox')).toBe(6)
  expect(await sqlOf(server, 'select client_mutation_id as id from client_mutation order by created_at')).toEqual([
    { id: String(month - 1) },
    { id: '1' },
  ])
})

it('how long is configured: other retentions, other rows', async () => {
  await events(3, 100)
  await jobs(3, 5, 5)
  const retention = { eventsMs: 72 * 3_600_000, outboxMs: 2 * 3_600_000 }
  await trimLogs({ ...services, retention: services.retention }, stop)
  expect([await counted('event'), await counted('outbox')]).toEqual([3, 3])
  await trimLogs({ ...services, retention }, stop)
  expect([await counted('event'), await counted('outbox')]).toEqual([0, 0])
  await using short = await startTestServer({
    rehearsal: false,
    pools: {},
    env: { EVENT_RETENTION_DAYS: '3', OUTBOX_RETENTION_HOURS: '2' },
  })
  expect(short.context.services.retention).toEqual(retention)
})

it('whoever is stopped between two batches has done what it did, and the next one goes on', async () => {
  await events(30, month + 2)
  const stopping = new AbortController()
  let transactions = 0
  const interrupted: Services = {
    ...services,
    em() {
      // The claim, two batches, and some of what is between them.
      transactions += 1
      if (transactions === 3) stopping.abort(new Error('The process is stopping.'))
      return services.em()
    },
  }
  await expect(trimLogs(interrupted, stopping.signal, 10)).rejects.toThrow('stopping')
  const left = await counted('event')
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(30)
  await trimLogs(services, stop, 10)
  expect(await counted('event')).toBe(0)
})

it('one process at a time does it', async () => {
  await events(5, month + 2)
  let turns = 0
  await withLease(services, leaseOn('retention', 'logs'), stop, async () => {
    turns += 1
    // Whoever is asked meanwhile looks once more.
    if (turns === 2) return
    await trimLogs({ ...services, processName: 'another' }, stop)
    expect(await counted('event')).toBe(5)
  })
  await Promise.all(['a', 'b', 'c'].map((processName) => trimLogs({ ...services, processName }, stop, 1)))
  expect(await counted('event')).toBe(0)
})

it('it is asked for once an hour, however many processes ask, and done by the pool maintenance', async () => {
  const asked = () => sqlOf(server, `select id from outbox where job = 'trim-logs'`)
  const answers = await Promise.all(Array.from({ length: 8 }, () => askForTrimming(services)))
  expect(answers.filter(Boolean)).toHaveLength(1)
  expect(await asked()).toHaveLength(1)
  await sqlOf(server, `update outbox set created_at = created_at - interval '59 minutes'`)
  expect(await askForTrimming(services)).toBe(false)
  await sqlOf(server, `update outbox set created_at = created_at - interval '2 minutes'`)
  expect(await askForTrimming(services)).toBe(true)
  const handler = handlers.find(({ job }) => job.name === 'trim-logs')
  expect(handler?.job.pool).toBe('maintenance')
  await events(5, month + 2)
  await handler?.handle(services, {}, stop)
  expect(await counted('event')).toBe(0)
})

/** Takes the lease's time away, and a day goes by. */
const passDay = (resource: string) =>
  sqlOf(
    server,
    `update lease set until = now() - interval '1 second', claimed_at = claimed_at - interval '25 hours'
     where resource = $1`,
    [resource],
  )

it('a lease that nobody holds goes a day after it was taken, one that is held or was let go lately does not', async () => {
  const [old, young, held] = ['old', 'young', 'held'].map((name) => leaseOn('project', name))
  for (const resource of [old, young]) await withLease(services, resource ?? '', stop, async () => {})
  await passDay(old ?? '')
  await withLease(services, held ?? '', stop, async () => {
    await sqlOf(server, `update lease set claimed_at = claimed_at - interval '25 hours' where resource = $1`, [held])
    await trimLogs(services, stop)
  })
  const left = await sqlOf(server, `select resource from lease where resource like 'project:%' order by 1`)
  expect(left).toEqual([{ resource: held }, { resource: young }])
})

it('who was paused until its lease was removed and made again by another can write nothing', async () => {
  const resource = leaseOn('project', 'paused')
  const fences: unknown[] = []
  const fence = async () =>
    fences.push((await sqlOf(server, 'select fence from lease where resource = $1', [resource]))[0]?.fence)
  const paused = withLease({ ...services, processName: 'paused' }, resource, stop, async (first) => {
    await fence()
    await passDay(resource)
    await trimLogs(services, stop)
    expect(await sqlOf(server, 'select from lease where resource = $1', [resource])).toEqual([])
    await withLease({ ...services, processName: 'second' }, resource, stop, async (second) => {
      await fence()
      const read = (tx: Transaction) => rows(tx.em).selectFrom('Lease').select('fence').execute()
      const late = first.transact(async (tx) => {
        await read(tx)
        expect.unreachable()
      })
      await expect(late).rejects.toBeInstanceOf(LeaseLostError)
      await second.transact(read)
    })
  })
  await expect(paused).resolves.toBe(true)
  expect(Number(fences[1])).toBeGreaterThan(Number(fences[0]))
})
