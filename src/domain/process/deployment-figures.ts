import { sql } from 'kysely'
import { type Pool, pools } from '../../jobs/job.ts'
import { type DiffStatus, pendingDiffStatuses } from '../diff/diff.status.ts'
import type { EventCursor } from '../event/event-cursor.ts'
import { inOutbox } from '../outbox/read-queues.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { livingWorkers } from './read-processes.ts'

/** Jobs of a pool in one place, and for how long the oldest has been there, in seconds; 0 without one. */
export interface JobsInPlace {
  readonly pool: Pool
  readonly count: number
  readonly oldestSeconds: number
}

/** What the database says of a deployment's work, whichever process asks. */
export interface StoredFigures {
  readonly outbox: readonly JobsInPlace[]
  /** What living workers do, and could do, at once. */
  readonly crews: readonly { readonly pool: Pool; readonly running: number; readonly slots: number }[]
  readonly diffs: readonly { readonly status: DiffStatus; readonly count: number }[]
  /** In seconds; each 0 where there is nothing that waits. */
  readonly oldestDiffSeconds: number
  readonly eventLagSeconds: number
  readonly webhookLagSeconds: number
  readonly deadWebhooks: number
}

/** What the queue says. */
export interface QueuedFigures {
  readonly waiting: readonly JobsInPlace[]
  readonly delayed: readonly { readonly pool: Pool; readonly count: number }[]
}

type Reading = Pick<Services, 'em' | 'queues' | 'jobs' | 'clock'>

const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0)

/** Clocks of machines differ: nothing has waited since the future. */
const secondsSince = (now: Date, at: number | null): number =>
  at === null ? 0 : Math.max(0, now.getTime() - at) / 1_000

const epochMs = (column: string) => sql`(extract(epoch from ${sql.ref(column)}) * 1000)::float8`

interface Waits {
  /** In milliseconds since 1970. */
  readonly diff: number | null
  readonly event: number | null
  readonly webhook: number | null
  readonly deadWebhooks: number
}

/** Since when what waits longest has waited; each is the first entry of an index. */
const readWaits = async ({ em }: Reading, { xid, id }: EventCursor): Promise<Waits> => {
  const { rows: found } = await sql<Waits>`select
    (select min(${epochMs('created_at')}) from diff where status = any (${[...pendingDiffStatuses]})) as diff,
    (select ${epochMs('at')} from event where (xid, id) > (${xid}::text::xid8, ${id}::bigint) order by xid, id limit 1) as event,
    (select min(${epochMs('next.at')}) from webhook cross join lateral (
      select at from event
      where project_id = webhook.project_id and (xid, id) > (webhook.cursor_xid, webhook.cursor_id)
      order by xid, id limit 1
    ) as next where deleted_at is null and dead_at is null) as webhook,
    (select count(*)::int from webhook where deleted_at is null and dead_at is not null) as "deadWebhooks"
  `.execute(rows(em()))
  return found[0] ?? { diff: null, event: null, webhook: null, deadWebhooks: 0 }
}

const countDiffs = async ({ em }: Reading): Promise<ReadonlyMap<DiffStatus, number>> => {
  const found = await rows(em())
    .selectFrom('Diff')
    .select(['status', sql<number>`count(*)::int`.as('count')])
    .where('status', 'in', [...pendingDiffStatuses])
    .groupBy('status')
    .execute()
  return new Map(found.map(({ status, count }) => [status, count]))
}

/**
 * Reads what the database knows.
 * @param delivered the place in the event log up to which this process has given events to its readers
 */
export const readStoredFigures = async (services: Reading, delivered: EventCursor): Promise<StoredFigures> => {
  const [unpublished, workers, waits, diffs] = await Promise.all([
    inOutbox(services),
    livingWorkers(services),
    readWaits(services, delivered),
    countDiffs(services),
  ])
  const now = services.clock()
  const poolOf = new Map(services.jobs.map(({ name, pool }) => [name, pool]))
  return {
    outbox: pools.map((pool) => {
      const asked = unpublished.filter(({ job }) => poolOf.get(job) === pool)
      const oldest = asked.length === 0 ? null : Math.min(...asked.map(({ oldestAt }) => oldestAt))
      return { pool, count: total(asked.map(({ count }) => count)), oldestSeconds: secondsSince(now, oldest) }
    }),
    crews: pools.map((pool) => {
      const crew = workers.filter((worker) => worker.pool === pool)
      return {
        pool,
        running: total(crew.map(({ running }) => running)),
        slots: total(crew.map(({ concurrency }) => concurrency ?? 0)),
      }
    }),
    diffs: pendingDiffStatuses.map((status) => ({ status, count: diffs.get(status) ?? 0 })),
    oldestDiffSeconds: secondsSince(now, waits.diff),
    eventLagSeconds: secondsSince(now, waits.event),
    webhookLagSeconds: secondsSince(now, waits.webhook),
    deadWebhooks: waits.deadWebhooks,
  }
}

/** Reads what the queue knows. @throws Error when its backend does not answer */
export const readQueuedFigures = async ({ queues, clock }: Reading): Promise<QueuedFigures> => {
  const counts = await queues.counts()
  const now = clock()
  return {
    waiting: counts.map(({ pool, waiting, oldestAt }) => ({
      pool,
      count: waiting,
      oldestSeconds: secondsSince(now, oldestAt?.getTime() ?? null),
    })),
    delayed: counts.map(({ pool, delayed }) => ({ pool, count: delayed })),
  }
}
