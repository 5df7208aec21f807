import type { EntityManager } from '@mikro-orm/postgresql'
import { CompiledQuery } from 'kysely'

/**
 * Runs a statement as it is written, in the entity manager's transaction if it has one. For what is asked or written
 * with every command: a query that is built, or an entity that is flushed, takes many times as long as this, of which
 * the database needs the least.
 * @param text what varies is in the values, as $1, $2 and so on: nothing that somebody sent is a part of it
 * @returns rows by the names that the statement gives them, with times as text
 */
export const runStatement = async <Row = never>(
  em: EntityManager,
  text: string,
  values: readonly unknown[],
): Promise<readonly Row[]> => {
  const { rows } = await em.getKysely().executeQuery<Row>(CompiledQuery.raw(text, [...values]))
  return rows
}
