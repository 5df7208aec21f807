import pLimit from 'p-limit'
import { LeaseLostError } from '../domain/lease/lease.ts'
import type { Queues } from '../domain/ports/queues.ts'
import type { Services } from '../domain/shared/services.ts'
import type { Pool } from '../jobs/job.ts'
import { handlers } from './handlers.ts'

/** How many jobs of each pool this process does at once. */
export type PoolSizes = Partial<Record<Pool, number>>

export interface WorkerPools extends AsyncDisposable {
  readonly sizes: PoolSizes
}

/** The work that was under way when the process was told to stop. */
export class StoppingError extends Error {
  override readonly name = 'StoppingError'
  constructor() {
    super('The process is stopping.')
  }
}

/**
 * Starts the pools. Disposing drains them: no new job is taken, and what runs stops at its next stored point and is
 * taken up by another process, or by this one after its next start.
 */
export const startWorkerPools = async (services: Services, queues: Queues, sizes: PoolSizes): Promise<WorkerPools> => {
  const stop = new AbortController()
  const byName = new Map(handlers.map((handler) => [handler.job.name, handler]))
  const workers = await Promise.all(
    Object.entries(sizes).map(([pool, concurrency]) => {
      // The pool's jobs share them: as many parts are done at once as jobs could be.
      const slots = pLimit(concurrency)
      return queues.work(pool as Pool, concurrency, async ({ name, payload }) => {
        const handler = byName.get(name)
        if (!handler) throw new Error(`There is no handler for the job ${name}.`)
        services.log.debug({ job: name, payload }, 'job')
        try {
          await handler.handle(services, payload, stop.signal, slots)
        } catch (error) {
          // Not a failure of the job: the rows say what is left to do, and whoever took the step does it.
          if (error instanceof LeaseLostError || stop.signal.aborted) {
            services.log.info({ job: name, payload, reason: (error as Error).message }, 'job left to another worker')
            return
          }
          throw error
        }
      })
    }),
  )
  return {
    sizes,
    async [Symbol.asyncDispose]() {
      stop.abort(new StoppingError())
      await Promise.all(workers.map((worker) => worker.close()))
    },
  }
}
