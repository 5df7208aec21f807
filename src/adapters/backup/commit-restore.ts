/** The last moment of a restore, in which a connection may break and leave open what became of it. */

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { readRestoring, restoreLock } from '../db/restoring.ts'
import { connect } from './catalog.ts'

interface CommittedRestore {
  readonly databaseUrl: string
  readonly id: string
  /** How long to ask what became of it, in milliseconds (default one minute). */
  readonly patienceMs?: number | undefined
}

const againMs = 500
const defaultPatienceMs = 60_000

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
  const until = performance.now() + (restore.patienceMs ?? defaultPatienceMs)
  for (;;) {
    let unanswered: unknown
    const committed = await lookOnce(restore).catch((error: unknown) => {
      unanswered = error
      return null
    })
    if (committed !== null) return committed
    if (performance.now() >= until) {
      throw new Error(
        'The connection to the database broke in the last moment of the restore, and it is not known whether the rows are there. Nothing was taken away. When the database answers again, start the server: it goes on if the restore is complete, and says so if it is not. Then run the restore again.',
        { cause: unanswered },
      )
    }
    await delay(againMs)
  }
}

/**
 * Commits. When the answer is lost, the database is asked what became of it.
 * @returns null when all is in its place; the error when it is known that nothing is
 * @throws Error when that is not known
 */
export const commitRestore = async (client: pg.Client, restore: CommittedRestore): Promise<unknown> => {
  try {
    await client.query('commit')
    return null
  } catch (error) {
    await client.end()
    return (await wasCommitted(restore)) ? null : error
  }
}
