/** All tables of a database under another schema, where nobody finds them, and back in their place. */

import type pg from 'pg'
import { migrationLock } from '../db/migration-lock.ts'
import { restoringSchema } from '../db/restoring.ts'
import { quoted, readTables } from './catalog.ts'
import { RestoreRefusedError } from './read-backup.ts'

export interface TablesAside {
  /** The schema that they are of. */
  readonly home: string
  /** The id of the transaction that put them aside, in digits: every later one of the cluster has a larger one. */
  readonly xid: string
}

/** They have rows where nobody has done anything yet. */
const neverEmpty = ['event_horizon', 'queue_memory']

export const emptyPlaceRemedy = 'Restore into a new, empty database, while no process of Countersign uses it.'

export const requireEmptyTables = async (client: pg.Client): Promise<void> => {
  for (const { name } of await readTables(client)) {
    if (neverEmpty.includes(name)) continue
    const { rows } = await client.query(`select from ${quoted(name)} limit 1`)
    if (rows.length > 0) {
      throw new RestoreRefusedError(`The database is not empty: ${name} has rows. ${emptyPlaceRemedy}`)
    }
  }
}

interface Relation {
  readonly name: string
  readonly kind: 'table' | 'sequence'
}

/** What does not come along by itself, as the sequence of a column does. */
const relationsIn = async (client: pg.Client, schema: string): Promise<readonly Relation[]> => {
  const { rows } = await client.query<Relation>(
    `select relname as name, case relkind when 'S' then 'sequence' else 'table' end as kind
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where nspname = $1 and (relkind = 'r' or relkind = 'S' and not exists (
       select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i')))
     order by relname`,
    [schema],
  )
  return rows
}

const move = async (client: pg.Client, from: string, to: string): Promise<void> => {
  for (const { kind, name } of await relationsIn(client, from)) {
    await client.query(`alter ${kind} ${quoted(from)}.${quoted(name)} set schema ${quoted(to)}`)
  }
}

const begin = async (client: pg.Client): Promise<void> => {
  await client.query('begin')
  await client.query(`select pg_advisory_xact_lock(${migrationLock})`)
}

/**
 * Puts the empty tables of a migrated database aside, in one short transaction. From then on nobody finds any, but the
 * connection, by their names alone.
 * @param id is kept with them
 * @throws RestoreRefusedError when one of them is not empty
 */
export const putTablesAside = async (client: pg.Client, id: string): Promise<TablesAside> => {
  await begin(client)
  const names = (await readTables(client)).map(({ name }) => quoted(name)).join(', ')
  await client.query(`lock table ${names} in access exclusive mode`)
  await requireEmptyTables(client)
  const { rows } = await client.query<TablesAside>(
    'select current_schema()::text as home, pg_current_xact_id()::text as xid',
  )
  const [aside] = rows
  if (aside === undefined) throw new Error('The database did not say where its tables are.')
  await client.query(`create schema ${restoringSchema}`)
  await client.query(`comment on schema ${restoringSchema} is ${client.escapeLiteral(id)}`)
  await move(client, aside.home, restoringSchema)
  await client.query(`set search_path to ${restoringSchema}`)
  await client.query(`truncate ${names}`)
  await client.query('commit')
  return aside
}

/** In milliseconds. A server that never hears of the commit ends the transaction by itself. */
const uncommittedMs = 10_000

/**
 * Puts them back with all that is in them, in one short transaction that is still to be committed: then it is seen at
 * once. The empty schema stays, and says that this was done.
 * @throws RestoreRefusedError when somebody else has made tables meanwhile
 */
export const putTablesBack = async (client: pg.Client, { home }: TablesAside): Promise<void> => {
  await begin(client)
  // All that was written before reaches the disk with it.
  await client.query('set local synchronous_commit = on')
  const [other] = await relationsIn(client, home)
  if (other) {
    throw new RestoreRefusedError(`Somebody else has made ${other.name} in the database meanwhile. ${emptyPlaceRemedy}`)
  }
  await move(client, restoringSchema, home)
  await client.query('reset search_path')
  await client.query(`set local idle_in_transaction_session_timeout = ${uncommittedMs}`)
}
