import { setTimeout as delay } from 'node:timers/promises'
import { pendingMigrations } from './adapters/db/migrate.ts'
import { UnfinishedRestoreError } from './adapters/db/restoring.ts'
import { reachRedis } from './adapters/queue/reach-redis.ts'
import type { Logger } from './domain/shared/services.ts'

/** Something elsewhere that a process cannot begin without. */
interface Backend {
  readonly name: string
  readonly url: string
  /** What says where it is. */
  readonly variable: string
  /** @throws Error as long as it cannot be used */
  look(): Promise<void>
}

export interface AwaitOptions {
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
  readonly patience?: { readonly againMs: number; readonly doubtMs: number }
}

const defaultPatience = { againMs: 1_000, doubtMs: 30_000 }

/** Nobody listens there yet, or somebody who is just starting, stopping or full. */
const notYet = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENOENT',
  '53300',
  '57P01',
  '57P02',
  '57P03',
])
const brokenOff = /^(timeout expired|Connection terminated|Command timed out|Connection is closed)/

class MigrationsPendingError extends Error {
  override readonly name = 'MigrationsPendingError'
  readonly code = 'MIGRATIONS_PENDING'
}

const codeOf = (error: Error): string => String((error as { code?: unknown }).code ?? '')

const isNotYet = (error: Error): boolean =>
  error instanceof MigrationsPendingError || notYet.has(codeOf(error)) || brokenOff.test(error.message)

// Tries at each address of a host fail together, without words of their own.
const wordsOf = (error: Error): string =>
  error instanceof AggregateError
    ? error.errors.map((each: unknown) => (each instanceof Error ? each.message : String(each))).join('; ')
    : error.message

/** Where a URL points, without the password in it. */
const placeOf = (url: string): string => {
  const { host, pathname } = new URL(url)
  return `${host}${pathname === '/' ? '' : pathname}`
}

const awaitBackend = async (
  { name, url, variable, look }: Backend,
  { log, signal, patience = defaultPatience }: AwaitOptions,
): Promise<void> => {
  const said = new Set<string>()
  let doubtedSince: number | undefined
  for (;;) {
    signal?.throwIfAborted()
    try {
      await look()
      if (said.size > 0) log.info({}, `${name} is there`)
      return
    } catch (thrown) {
      if (thrown instanceof UnfinishedRestoreError) throw thrown
      const error = thrown instanceof Error ? thrown : new Error(String(thrown))
      const reason = wordsOf(error)
      doubtedSince = isNotYet(error) ? undefined : (doubtedSince ?? performance.now())
      if (doubtedSince !== undefined && performance.now() - doubtedSince >= patience.doubtMs) {
        const tried = `It was tried for ${patience.doubtMs / 1_000} seconds: correct ${variable}, or what it leads to.`
        throw new Error(`Cannot use ${name} at ${placeOf(url)}: ${reason}. ${tried}`, { cause: error })
      }
      // Each kind of reason once: how many migrations are left changes.
      const kind = codeOf(error) || reason
      if (!said.has(kind)) log.warn({}, `waiting for ${name} at ${placeOf(url)}: ${reason}`)
      said.add(kind)
    }
    // Ends early when the signal is aborted, which is seen above.
    await delay(patience.againMs, undefined, { signal }).catch(() => {})
  }
}

/**
 * Waits until the database answers and, where this process does not migrate it itself, until somebody has. What may
 * come is waited for without end, and said once; what looks like a mistake, such as a refused password or a host that
 * nobody knows, for half a minute.
 * @returns the migrations that it still lacks
 * @throws Error that says what is wrong and which variable to correct; UnfinishedRestoreError at once
 * @throws whatever the signal was aborted with
 */
export const awaitDatabase = async (
  databaseUrl: string,
  migrates: boolean,
  options: AwaitOptions,
): Promise<readonly string[]> => {
  let pending: readonly string[] = []
  const look = async () => {
    pending = await pendingMigrations(databaseUrl)
    if (pending.length > 0 && !migrates) {
      throw new MigrationsPendingError(`it lacks ${pending.length} migrations, which \`countersign migrate\` brings`)
    }
  }
  await awaitBackend({ name: 'the database', url: databaseUrl, variable: 'DATABASE_URL', look }, options)
  return pending
}

/** The same for Redis. */
export const awaitRedis = (redisUrl: string, options: AwaitOptions): Promise<void> =>
  awaitBackend(
    {
      name: 'Redis',
      url: redisUrl,
      variable: 'REDIS_URL',
      async look() {
        await reachRedis(redisUrl, (redis) => redis.ping())
      },
    },
    options,
  )
