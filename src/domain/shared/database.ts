import type { EntityManager } from '@mikro-orm/postgresql'
import type { InferKyselyDB } from '@mikro-orm/sql'
import type { Kysely } from 'kysely'
import type { entities } from '../entities.ts'
import { entityRows } from './entity-rows.ts'

/** Entities' names and properties instead of tables and columns, with values as the entities have them. */
const naming = {
  tableNamingStrategy: 'entity',
  columnNamingStrategy: 'property',
  convertValues: true,
} as const

export type Database = InferKyselyDB<(typeof entities)[number], typeof naming>

/**
 * Rows without hydration, in the entity manager's transaction if it has one. Lists and reads go this way.
 * In a join name each column: `selectAll('A')` beside a joined B gives A's `b_id` under the name `id` (MikroORM 7.2.1).
 */
export const rows = (em: EntityManager): Kysely<Database> => em.getKysely<Database>().withPlugin(entityRows(em, naming))
