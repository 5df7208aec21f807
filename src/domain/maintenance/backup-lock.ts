import { sql } from 'kysely'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

/** What a backup holds in the database while it copies. Any constant serves that nothing else of ours locks. */
export const backupLock = 7_236_003

/**
 * Whether a backup is being made: it has the rows as of one moment and copies the repositories after it, and what rows
 * of that moment speak of must not be let go meanwhile.
 */
export const isBackedUp = async ({ em }: Pick<Services, 'em'>): Promise<boolean> => {
  const { rows: found } = await sql<{ free: boolean }>`
    select pg_try_advisory_xact_lock_shared(${sql.lit(backupLock)}) as free`.execute(rows(em()))
  return found[0]?.free !== true
}
