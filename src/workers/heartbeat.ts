import { hostname } from 'node:os'
import { beat, beatMs, leave, type SignOfLife } from '../domain/process/beat.ts'
import type { Services } from '../domain/shared/services.ts'
import type { Pool } from '../jobs/job.ts'

export interface HeartbeatOptions {
  readonly api: boolean
  /** How many jobs of each pool this process does at once. */
  readonly pools: Partial<Record<Pool, number>>
  /** The jobs that are under way in each pool, as they are now. */
  readonly running: ReadonlyMap<Pool, number>
  readonly version: string
  /** How often, in milliseconds; what tests set otherwise. */
  readonly everyMs?: number | undefined
}

// A database that does not answer must not keep a process that is told to end.
const leaveGraceMs = 2_000

/**
 * Gives a first sign of life, and from then on one every few seconds; disposing says that the process has ended. One
 * that could not be given is followed by the next: a database that is away ends no process.
 */
export const startHeartbeat = async (
  services: Services,
  { api, pools, running, version, everyMs = beatMs }: HeartbeatOptions,
): Promise<AsyncDisposable> => {
  const startedAt = performance.now()
  let sandbox = await services.sandbox.availability()
  // An engine may be started while the process runs. One that does not answer keeps nobody waiting.
  const lookAtSandbox = () => {
    if (sandbox.available) return
    services.sandbox.availability().then(
      (found) => {
        sandbox = found
      },
      (error: unknown) => services.log.debug({ error }, 'the sandbox could not be looked at; trying again'),
    )
  }
  const sizes = Object.entries(pools) as [Pool, number][]
  const signOfLife = (): SignOfLife => ({
    host: hostname(),
    version,
    sandbox,
    ageMs: performance.now() - startedAt,
    parts: [
      ...(api ? [{ pool: null, concurrency: null, running: 0 }] : []),
      ...sizes.map(([pool, concurrency]) => ({ pool, concurrency, running: running.get(pool) ?? 0 })),
    ],
  })
  let beating: Promise<void> | undefined
  const look = () => {
    lookAtSandbox()
    beating ??= beat(services, signOfLife())
      .catch((error: unknown) => services.log.warn({ error }, 'no sign of life could be given; trying again'))
      .finally(() => {
        beating = undefined
      })
    return beating
  }
  await look()
  const timer = setInterval(look, everyMs)
  const end = async () => {
    await beating
    await leave(services)
  }
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const grace = setTimeout(resolve, leaveGraceMs)
      // Where it cannot be said, the others see it by the silence.
      const ended = end().catch((error: unknown) =>
        services.log.warn({ error }, 'the end of the process was not noted'),
      )
      await Promise.race([ended, late])
      clearTimeout(grace)
    },
  }
}
