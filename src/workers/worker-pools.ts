import pLimit from 'p-limit'
import { LeaseLostError } from '../domain/lease/lease.ts'
import type { JobOutcome } from '../domain/ports/measure.ts'
import type { QueuedJob, Queues } from '../domain/ports/queues.ts'
import { withLogContext } from '../domain/shared/log-context.ts'
import type { Services } from '../domain/shared/services.ts'
import { transact } from '../domain/shared/transact.ts'
import type { Job, Pool } from '../jobs/job.ts'
import { handlers } from './handlers.ts'
import { keptFailure } from './kept-failure.ts'
import { leaveTestsToOthers } from './leave-tests-to-others.ts'
import { traceJob } from './trace-job.ts'

/** How many jobs of each pool this process does at once. */
export type PoolSizes = Partial<Record<Pool, number>>

/** How many jobs of each pool are under way in this process. */
export type RunningJobs = Map<Pool, number>

export interface WorkerPools extends AsyncDisposable {
  readonly sizes: PoolSizes
  /**
   * No new job is taken, and nothing new is begun in those that run: what is under way in them, a call of a model or a
   * test, has until the deadline to end and be stored, and is broken off then. Settles when all of them have ended.
   * Disposing does the same.
   * @param drainMs until the deadline; a second call changes nothing
   */
  drain(drainMs?: number): Promise<void>
}

/** The work that was under way when the process was told to stop. */
export class StoppingError extends Error {
  override readonly name = 'StoppingError'
  constructor() {
    super('The process is stopping.')
  }
}

/** Asks for a job that was begun and not ended: another process takes it up now, or this one after its next start. */
const askAgain = async (services: Services, job: Job, payload: unknown): Promise<void> => {
  try {
    await transact(services, async (tx) => tx.enqueue(job, job.payload.parse(payload)))
  } catch (error) {
    services.log.warn({ job: job.name, payload, error }, 'a job could not be handed on: recovery will find its work')
  }
}

/**
 * Starts the pools. A job that is not done when they are drained is asked for again.
 * @param running is kept up to date
 */
export const startWorkerPools = async (
  services: Services,
  queues: Queues,
  sizes: PoolSizes,
  running: RunningJobs = new Map(),
): Promise<WorkerPools> => {
  const stop = new AbortController()
  const byName = new Map(handlers.map((handler) => [handler.job.name, handler]))
  const workers = await Promise.all(
    Object.entries(sizes).map(([pool, concurrency]) => {
      // The pool's jobs share them: as many parts are done at once as jobs could be.
      const slots = pLimit(concurrency)
      const handle = async ({ name, payload }: QueuedJob) => {
        const handler = byName.get(name)
        if (!handler) throw new Error(`There is no handler for the job ${name}.`)
        services.log.debug({ job: name, payload }, 'job')
        // The queue has room for the next one.
        services.wake.outbox({ taken: pool as Pool })
        running.set(pool as Pool, (running.get(pool as Pool) ?? 0) + 1)
        const begunAt = performance.now()
        let outcome: JobOutcome = 'FAILED'
        try {
          stop.signal.throwIfAborted()
          await handler.handle(services, payload, stop.signal, slots)
          outcome = 'DONE'
        } catch (error) {
          const isTaken = error instanceof LeaseLostError
          if (!isTaken && !stop.signal.aborted) throw error
          outcome = 'LEFT'
          // Not a failure of the job: the rows say what is left to do, and whoever took the step does it.
          services.log.info({ job: name, payload, reason: (error as Error).message }, 'job left to another worker')
          if (!isTaken) await askAgain(services, handler.job, payload)
        } finally {
          running.set(pool as Pool, (running.get(pool as Pool) ?? 1) - 1)
          services.measure.jobEnded({ name, outcome, ms: performance.now() - begunAt })
        }
      }
      const traced = (job: QueuedJob) =>
        withLogContext({ job: job.name, jobId: job.id }, () => traceJob(services, pool as Pool, job, () => handle(job)))
      const kept = async (job: QueuedJob) => {
        try {
          await traced(job)
        } catch (error) {
          throw keptFailure(error, services.redact)
        }
      }
      const work = () => queues.work(pool as Pool, concurrency, kept)
      return pool === 'tests' ? leaveTestsToOthers(services, work) : work()
    }),
  )
  let drained: Promise<void> | undefined
  const drain = (drainMs = 0): Promise<void> => {
    drained ??= (async () => {
      stop.abort(new StoppingError())
      const deadline = setTimeout(() => services.heldLeases.end(new StoppingError()), drainMs)
      await Promise.all(workers.map((worker) => worker.close()))
      clearTimeout(deadline)
    })()
    return drained
  }
  return { sizes, drain, [Symbol.asyncDispose]: () => drain() }
}
