import { sql } from 'kysely'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import { queueRoom } from '../workers/queue-rooms.ts'
import { type Finding, faulty, well } from './component.ts'

/** A job that was asked for is published within a second, unless its queue is full. In seconds. */
const stuckSeconds = 60

interface Unpublished {
  readonly job: string
  readonly count: number
  readonly oldestSeconds: number
}

/** Jobs of which one has waited for long, and none was published meanwhile: nobody is at work on them. */
const readStuck = async ({ em }: Pick<Services, 'em'>): Promise<readonly Unpublished[]> => {
  const { rows: found } = await sql<Unpublished>`
    with waiting as (
      select job, count(*)::int as count, extract(epoch from now() - min(created_at))::float8 as "oldestSeconds"
      from outbox where published_at is null group by job
    )
    select * from waiting where "oldestSeconds" > ${stuckSeconds} and not exists (
      select 1 from outbox
      where outbox.job = waiting.job and published_at > now() - make_interval(secs => ${stuckSeconds})
    ) order by "oldestSeconds" desc`.execute(rows(em()))
  return found
}

/** Whether what transactions ask for gets into the queues. Much work alone is no fault: that waits here on purpose. */
export const lookAtOutbox = async (services: Pick<Services, 'em' | 'queues' | 'jobs'>): Promise<Finding> => {
  const waiting = await readStuck(services)
  if (waiting.length === 0) return well()
  const counts = new Map((await services.queues.counts()).map((count) => [count.pool, count.waiting]))
  const poolOf = new Map(services.jobs.map(({ name, pool }) => [name, pool]))
  const hasRoom = ({ job }: Unpublished) => {
    const pool = poolOf.get(job)
    return pool === undefined || (counts.get(pool) ?? 0) < queueRoom
  }
  const stuck = waiting.filter(hasRoom)
  const [oldest] = stuck
  if (!oldest) return well()
  const jobs = stuck.map(({ job, count }) => `${count} ${job}${poolOf.has(job) ? '' : ' (not known to this version)'}`)
  return faulty(
    `Jobs that were asked for do not get into their queues, the oldest since ${Math.round(oldest.oldestSeconds)} seconds: ${jobs.join(', ')}.`,
  )
}
