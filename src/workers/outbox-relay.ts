import { sql } from 'kysely'
import type { Queues } from '../domain/ports/queues.ts'
import { rows } from '../domain/shared/database.ts'
import type { Logger, Services } from '../domain/shared/services.ts'
import type { Job } from '../jobs/job.ts'

/** Publishes outbox rows to the queues, right after their commit and, for what a crash left, on a timer. */
export interface OutboxRelay extends AsyncDisposable {
  /** Looks for rows now. */
  wake(): void
}

const batch = 100
const sweepMs = 1_000
// For a queue that answers; one that does not is not waited for.
const closeGraceMs = 2_000

/**
 * Unpublished rows that no other relay has, until the transaction ends; those of jobs that this process does not know
 * (a newer one's) are left to who does. Advisory locks, not row locks: a row lock
 * gives the transaction an id, and while it waits for a slow queue no later event could be read.
 */
const claim = async (tx: ReturnType<Services['em']>, declared: readonly string[]): Promise<readonly string[]> => {
  const { rows: found } = await sql<{ id: string; mine: boolean }>`
    select id::text, pg_try_advisory_xact_lock(hashtextextended('outbox', id)) as mine
    from (
      select id from outbox where published_at is null and job in (${sql.join(declared)}) order by id limit ${batch}
    ) as unpublished`.execute(rows(tx))
  return found.filter(({ mine }) => mine).map(({ id }) => id)
}

/** One batch: any number of relays may run, each takes rows that no other has. @returns how many were published */
const publishBatch = async (
  em: Services['em'],
  queues: Queues,
  jobs: ReadonlyMap<string, Job>,
  closing: Promise<never>,
): Promise<number> =>
  em().transactional(async (tx) => {
    const claimed = await claim(tx, [...jobs.keys()])
    if (claimed.length === 0) return 0
    // Read after the locks: another relay may have published a row and let go of it in between.
    const entries = await rows(tx)
      .selectFrom('OutboxEntry')
      .select(['id', 'job', 'payload'])
      .where('id', 'in', claimed)
      .where('publishedAt', 'is', null)
      .orderBy('id')
      .execute()
    if (entries.length === 0) return 0
    for (const entry of entries) {
      const job = jobs.get(entry.job)
      if (!job) throw new Error(`The job ${entry.job} is not declared.`)
      // A queue that is not there may keep a call waiting for ever; the row stays, and the next start publishes it.
      await Promise.race([queues.add(job.pool, job.name, entry.payload, `outbox-${entry.id}`), closing])
    }
    await rows(tx)
      .updateTable('OutboxEntry')
      .set({ publishedAt: sql<Date>`now()` })
      .where(
        'id',
        'in',
        entries.map((entry) => entry.id),
      )
      .execute()
    return entries.length
  })

/** Starts a relay over the declared jobs. */
export const startOutboxRelay = (
  em: Services['em'],
  queues: Queues,
  jobs: readonly Job[],
  log: Logger,
): OutboxRelay => {
  const byName = new Map(jobs.map((job) => [job.name, job]))
  const { promise: closing, reject: close } = Promise.withResolvers<never>()
  closing.catch(() => {})
  let running: Promise<void> | undefined
  let askedAgain = false
  let closed = false
  const publishAll = async () => {
    do {
      askedAgain = false
      if ((await publishBatch(em, queues, byName, closing)) > 0) askedAgain = true
    } while (askedAgain && !closed)
  }
  const wake = () => {
    askedAgain = true
    if (running || closed) return
    running = publishAll()
      .catch((error: unknown) => {
        if (!closed) log.warn({ error }, 'the outbox could not be published; trying again')
      })
      .finally(() => {
        running = undefined
        if (askedAgain) wake()
      })
  }
  const timer = setInterval(wake, sweepMs)
  wake()
  return {
    wake,
    async [Symbol.asyncDispose]() {
      closed = true
      clearInterval(timer)
      const grace = setTimeout(() => close(new Error('The process is stopping.')), closeGraceMs)
      await running
      clearTimeout(grace)
    },
  }
}
