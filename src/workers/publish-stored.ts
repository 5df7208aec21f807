import type { StoredJob } from '../domain/outbox/insert-jobs.ts'
import type { Queues } from '../domain/ports/queues.ts'
import { runStatement } from '../domain/shared/run-statement.ts'
import type { Services } from '../domain/shared/services.ts'
import { notFlushed, prepared } from '../domain/shared/statement-marks.ts'
import type { Pool } from '../jobs/job.ts'
import { jobId } from './outbox-backlog.ts'
import type { QueueRooms } from './queue-rooms.ts'

/** Publishes jobs that this process has stored just now: it knows them, and asks the outbox for nothing. */
export interface StoredPublisher {
  /** Those that are being published: nobody else here need do it. */
  readonly underWay: ReadonlySet<string>
  /**
   * Puts jobs into their queue and marks their rows. Another relay may do the same at the same time: a job that is in
   * its queue already is not put there again.
   * @returns false, and nothing done, where the queue has no room for them
   * @throws Error when the queue refuses one of them or the rows cannot be marked
   */
  publish(pool: Pool, jobs: readonly StoredJob[]): Promise<boolean>
  /** Settles when nothing is being published. */
  settled(): Promise<void>
}

// The queue had none of them before that, which is what recovery has to know. A mark that is lost with the database's
// machine is made again by the next relay, which puts no job into its queue that is there.
const markStatement = `${prepared('outbox-mark')}
  update outbox set published_at = (select min(at) from unnest($2::timestamptz[]) as at)
  where id = any ($1::bigint[]) and published_at is null and ${notFlushed}`

export const createStoredPublisher = (em: Services['em'], add: Queues['add'], rooms: QueueRooms): StoredPublisher => {
  const underWay = new Set<string>()
  const running = new Set<Promise<unknown>>()
  const unmarked: StoredJob[] = []
  let marking: Promise<void> | undefined
  // Those that come while a statement is on its way share the next one.
  const markAll = async () => {
    try {
      while (unmarked.length > 0) {
        const some = unmarked.splice(0)
        await runStatement(em(), markStatement, [some.map(({ id }) => id), some.map(({ at }) => at)])
      }
    } finally {
      // Whoever waits for these is told of the fault as well.
      unmarked.length = 0
      marking = undefined
    }
  }
  const mark = (jobs: readonly StoredJob[]): Promise<void> => {
    unmarked.push(...jobs)
    marking ??= markAll()
    return marking
  }
  const publish = async (pool: Pool, jobs: readonly StoredJob[]): Promise<boolean> => {
    if (!(await rooms.take(pool, jobs.length))) return false
    try {
      await Promise.all(jobs.map(({ id, job, payload }) => add(pool, job, payload, jobId(id))))
    } finally {
      rooms.added(pool, jobs.length)
    }
    await mark(jobs)
    return true
  }
  return {
    underWay,
    async publish(pool, jobs) {
      for (const { id } of jobs) underWay.add(id)
      const publishing = publish(pool, jobs).finally(() => {
        for (const { id } of jobs) underWay.delete(id)
        running.delete(publishing)
      })
      running.add(publishing)
      return publishing
    },
    async settled() {
      await Promise.allSettled(running)
    },
  }
}
