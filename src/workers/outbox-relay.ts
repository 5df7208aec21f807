import { sql } from 'kysely'
import type { Queues } from '../adapters/queue/queues.ts'
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

/** One batch: any number of relays may run, each takes rows that no other has. @returns how many were published */
const publishBatch = async (em: Services['em'], queues: Queues, jobs: ReadonlyMap<string, Job>): Promise<number> =>
  em().transactional(async (tx) => {
    const entries = await rows(tx)
      .selectFrom('OutboxEntry')
      .select(['id', 'job', 'payload'])
      .where('publishedAt', 'is', null)
      .orderBy('id')
      .limit(batch)
      .forUpdate()
      .skipLocked()
      .execute()
    for (const entry of entries) {
      const job = jobs.get(entry.job)
      if (!job) throw new Error(`The outbox names the job ${entry.job}, which is not declared.`)
      await queues.add(job.pool, job.name, entry.payload, `outbox-${entry.id}`)
    }
    if (entries.length > 0) {
      await rows(tx)
        .updateTable('OutboxEntry')
        .set({ publishedAt: sql<Date>`now()` })
        .where(
          'id',
          'in',
          entries.map((entry) => entry.id),
        )
        .execute()
    }
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
  let running: Promise<void> | undefined
  let askedAgain = false
  let closed = false
  const publishAll = async () => {
    do {
      askedAgain = false
      if ((await publishBatch(em, queues, byName)) === batch) askedAgain = true
    } while (askedAgain && !closed)
  }
  const wake = () => {
    askedAgain = true
    if (running || closed) return
    running = publishAll()
      .catch((error: unknown) => log.warn({ error }, 'the outbox could not be published; trying again'))
      .finally(() => {
        running = undefined
      })
  }
  const timer = setInterval(wake, sweepMs)
  wake()
  return {
    wake,
    async [Symbol.asyncDispose]() {
      closed = true
      clearInterval(timer)
      await running
    },
  }
}
