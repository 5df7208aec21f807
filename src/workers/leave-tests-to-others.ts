import type { RunningWorker } from '../domain/ports/queues.ts'
import { silentMs } from '../domain/process/beat.ts'
import { othersCanTest } from '../domain/process/testing-sandbox.ts'
import type { Services } from '../domain/shared/services.ts'

/** How often it is looked whether others are there, and how long somebody is waited for; in milliseconds. */
interface OthersPatience {
  readonly lookMs: number
  /** From the start on, and since others were last seen: what is being started again is not there for a while. */
  readonly awaitMs: number
}

const defaultPatience: OthersPatience = { lookMs: 2_000, awaitMs: silentMs }

/**
 * Takes jobs of the pool `tests`; where this process cannot isolate what they run, only while no other worker can: all
 * that it could do with them is to say why it cannot.
 * @param work starts taking jobs
 */
export const leaveTestsToOthers = async (
  services: Services,
  work: () => Promise<RunningWorker>,
  { lookMs, awaitMs }: OthersPatience = defaultPatience,
): Promise<RunningWorker> => {
  if ((await services.sandbox.availability()).available) return work()
  let awaitedSince = performance.now()
  let worker: RunningWorker | undefined
  const mayTake = async (): Promise<boolean> => {
    // An engine may be started while the server runs.
    if ((await services.sandbox.availability()).available) return true
    if (await othersCanTest(services)) awaitedSince = performance.now()
    return performance.now() - awaitedSince >= awaitMs
  }
  const takeOrLeave = async (): Promise<void> => {
    if (await mayTake()) {
      worker ??= await work()
      return
    }
    await worker?.close()
    worker = undefined
  }
  let looking: Promise<void> | undefined
  const look = () => {
    looking ??= takeOrLeave()
      .catch((error: unknown) =>
        services.log.warn({ error }, 'others who can run tests could not be looked for; trying again'),
      )
      .finally(() => {
        looking = undefined
      })
    return looking
  }
  const timer = setInterval(look, lookMs)
  await look()
  return {
    async close() {
      clearInterval(timer)
      await looking
      await worker?.close()
    },
  }
}
