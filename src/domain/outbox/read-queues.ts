import { sql } from 'kysely'
import { type Pool, pools } from '../../jobs/job.ts'
import { requireGlobalRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { QueueUnavailableError } from '../errors.ts'
import type { QueueCounts } from '../ports/queues.ts'
import { livingWorkers } from '../process/read-processes.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

/** How much work there is for a pool. */
export interface QueueDepth {
  readonly pool: Pool
  /** Jobs that nobody has begun, in the outbox or in the queue. */
  readonly waiting: number
  /** Jobs that failed and are tried again later. */
  readonly delayed: number
  /** Jobs that living workers are doing, as of their last sign of life. */
  readonly running: number
  /** Of living workers, all together: how many jobs they do at once. */
  readonly concurrency: number
  /** How long the oldest waiting job has waited; null when none waits. */
  readonly oldestWaitingSeconds: number | null
}

/** The jobs of a name that were asked for, and are not in their queue yet. */
export interface Unpublished {
  readonly job: string
  readonly count: number
  /** In milliseconds since 1970. */
  readonly oldestAt: number
}

/** What is in the outbox. */
export const inOutbox = async ({ em }: Pick<Services, 'em'>): Promise<readonly Unpublished[]> => {
  const { rows: found } = await sql<Unpublished>`
    select job, count(*)::int as count, (extract(epoch from min(created_at)) * 1000)::float8 as "oldestAt"
    from outbox where published_at is null group by job`.execute(rows(em()))
  return found
}

const inQueues = async ({ queues }: Pick<Services, 'queues'>): Promise<readonly QueueCounts[]> => {
  try {
    return await queues.counts()
  } catch (error) {
    throw new QueueUnavailableError(error)
  }
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0)

/**
 * How much work each pool has, whatever the number of its workers.
 * @throws ForbiddenError unless the viewer is an ADMIN of everything
 * @throws QueueUnavailableError when the queues' backend does not answer
 */
export const readQueues = async (
  services: Pick<Services, 'em' | 'queues' | 'jobs' | 'clock'>,
  viewer: Viewer,
): Promise<readonly QueueDepth[]> => {
  requireGlobalRole(viewer, 'ADMIN')
  const [unpublished, counts, workers] = await Promise.all([
    inOutbox(services),
    inQueues(services),
    livingWorkers(services),
  ])
  const poolOf = new Map(services.jobs.map(({ name, pool }) => [name, pool]))
  const now = services.clock().getTime()
  return pools.map((pool) => {
    const asked = unpublished.filter(({ job }) => poolOf.get(job) === pool)
    const queue = counts.find((count) => count.pool === pool)
    const crew = workers.filter((worker) => worker.pool === pool)
    const since = asked.map(({ oldestAt }) => oldestAt)
    if (queue?.oldestAt) since.push(queue.oldestAt.getTime())
    return {
      pool,
      waiting: total(asked.map(({ count }) => count)) + (queue?.waiting ?? 0),
      delayed: queue?.delayed ?? 0,
      running: total(crew.map(({ running }) => running)),
      concurrency: total(crew.map(({ concurrency }) => concurrency ?? 0)),
      // Clocks of machines differ: nothing has waited since the future.
      oldestWaitingSeconds: since.length === 0 ? null : Math.max(0, now - Math.min(...since)) / 1_000,
    }
  })
}
