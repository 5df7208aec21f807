import { sql } from 'kysely'
import { compareMigrations } from '../adapters/db/migrate.ts'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import { type Finding, faulty, well } from './component.ts'

/**
 * Whether the database is of this process's version. An older one, as after a restore, is missing what is written to it.
 * A newer one is met by every process that an upgrade has yet to replace, and it goes on serving until then.
 */
export const lookAtMigrations = async ({ em }: Pick<Services, 'em'>): Promise<Finding> => {
  const { rows: done } = await sql<{ name: string }>`select name from migration`.execute(rows(em()))
  const { pending, unknown } = await compareMigrations(done.map(({ name }) => name))
  if (pending.length > 0) return faulty(`The database lacks ${pending.length} migrations of this version.`)
  if (unknown.length === 0) return well()
  const words = `The database is of a newer version than this process: it has ${unknown.at(-1)}.`
  return { ...faulty(words), isNeeded: false }
}
