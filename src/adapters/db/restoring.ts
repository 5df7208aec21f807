/** What a restore has in the database while it is under way, so that nobody takes half of the rows for all of them. */

import type pg from 'pg'

/** All tables are in it while rows are loaded; none is once the rows are in their place. */
export const restoringSchema = 'countersign_restoring'

/** Held by the session that loads. Any constant serves that nothing else of ours locks. */
export const restoreLock = 7_236_004

export interface Restoring {
  /** The file `restoring` in the data directory has the same. */
  readonly id: string
  /** The rows are in their place, and only traces of the restore are left. */
  readonly isComplete: boolean
}

/** The database has some of the rows of a backup, where nobody sees them. */
export class UnfinishedRestoreError extends Error {
  override readonly name = 'UnfinishedRestoreError'
}

/** Null when no restore is under way, and none was broken off. */
export const readRestoring = async (client: Pick<pg.Client, 'query'>): Promise<Restoring | null> => {
  const { rows } = await client.query<Restoring>(
    `select coalesce(obj_description(oid, 'pg_namespace'), '') as id,
       not exists (select from pg_class where relnamespace = pg_namespace.oid) as "isComplete"
     from pg_namespace where nspname = $1`,
    [restoringSchema],
  )
  return rows[0] ?? null
}

/** @throws UnfinishedRestoreError with what to do */
export const requireNoRestore = async (client: Pick<pg.Client, 'query'>): Promise<void> => {
  const found = await readRestoring(client)
  if (found === null || found.isComplete) return
  throw new UnfinishedRestoreError(
    'A restore into this database is under way, or was broken off. Wait for its end, or run `countersign restore` again: it begins anew. To do without it, use a new database and a new DATA_DIR.',
  )
}
