import type { EntityManager } from '@mikro-orm/postgresql'
import type { InferKyselyDB } from '@mikro-orm/sql'
import type { Kysely, KyselyPlugin } from 'kysely'
import type { entities } from '../entities.ts'
import { entityRows } from './entity-rows.ts'

/** Entities' names and properties instead of tables and columns, with values as the entities have them. */
const naming = {
  tableNamingStrategy: 'entity',
  columnNamingStrategy: 'property',
  convertValues: true,
} as const

export type Database = InferKyselyDB<(typeof entities)[number], typeof naming>

// Made anew for each query, the names would take longer than the query: one for all entity managers of a connection.
const plugins = new WeakMap<object, KyselyPlugin>()
const named = new WeakMap<Kysely<Database>, Kysely<Database>>()

const namesOf = (em: EntityManager): KyselyPlugin => {
  const driver = em.getDriver()
  const plugin = plugins.get(driver) ?? entityRows(em, naming)
  plugins.set(driver, plugin)
  return plugin
}

/**
 * Rows without hydration, in the entity manager's transaction if it has one. Lists and reads go this way.
 * In a join name each column: `selectAll('A')` beside a joined B gives A's `b_id` under the name `id` (MikroORM 7.2.1).
 */
export const rows = (em: EntityManager): Kysely<Database> => {
  const plain = em.getKysely<Database>()
  const known = named.get(plain) ?? plain.withPlugin(namesOf(em))
  named.set(plain, known)
  return known
}
