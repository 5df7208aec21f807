/** The last moment of a restore, in which a connection may break and leave open what became of it. */

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { readRestoring, restoreLock } from '../db/restoring.ts'
import { connect } from './catalog.ts'

/** The rows are in their place, or may be: this is said also to whoever has told the restore to end. */
export class RestoreOutcomeError extends Error {
  override readonly name = 'RestoreOutcomeError'
}

interface CommittedRestore {
  readonly databaseUrl: string
  readonly id: string
  /** Ends the asking. */
  readonly signal: AbortSignal
  /** How long to ask what became of it, in milliseconds (default one minute). */
  readonly patienceMs?: number | undefined
}

const againMs = 500
const defaultPatienceMs = 60_000

const unknownOutcome = (why: string, cause?: unknown): RestoreOutcomeError =>
  new RestoreOutcomeError(
    `${why}, and it is not known whether the rows are there. Nothing was taken away. When the database answers again, start the server: it goes on if the restore is complete, and says so if it is not. Then run the restore again.`,
    { cause },
  )

/** Rejects when the signal is aborted, and otherwise never settles. */
const toldToEnd = (signal: AbortSignal): Promise<never> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const why = 'The restore was told to end before the database had answered its last commit'
  signal.addEventListener('abort', () => reject(unknownOutcome(why)), { once: true })
  return promise
}

/** Null while the session that sent the commit has not ended: it holds the lock, and nothing is decided. */
const lookOnce = async ({ databaseUrl, id }: CommittedRestore): Promise<boolean | null> => {
  const client = await connect(databaseUrl)
  try {
    const { rows } = await client.query<{ free: boolean }>(`select pg_try_advisory_lock(${restoreLock}) as free`)
    if (rows[0]?.free !== true) return null
    const found = await readRestoring(client)
    return found?.id === id ? found.isComplete : null
  } finally {
    await client.end()
  }
}

const wasCommitted = async (restore: CommittedRestore): Promise<boolean> => {
  const { signal, patienceMs = defaultPatienceMs } = restore
  const until = performance.now() + patienceMs
  for (;;) {
    let unanswered: unknown
    const committed = await lookOnce(restore).catch((error: unknown) => {
      unanswered = error
      return null
    })
    if (committed !== null) return committed
    if (signal.aborted || performance.now() >= until) {
      throw unknownOutcome('The connection to the database broke in the last moment of the restore', unanswered)
    }
    // Ends early when the signal is aborted, which is seen after one more look.
    await delay(againMs, undefined, { signal }).catch(() => {})
  }
}

/**
 * Commits. When the answer is lost, the database is asked what became of it.
 * @returns null when all is in its place; the error when it is known that nothing is
 * @throws RestoreOutcomeError when that is not known, at once when the signal is aborted
 */
export const commitRestore = async (client: pg.Client, restore: CommittedRestore): Promise<unknown> => {
  const told = toldToEnd(restore.signal)
  try {
    await Promise.race([client.query('commit'), told])
    return null
  } catch (error) {
    if (error instanceof RestoreOutcomeError) throw error
    await client.end()
    return (await Promise.race([wasCommitted(restore), told])) ? null : error
  }
}
