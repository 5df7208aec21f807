/** All tables of a database under another schema, where nobody finds them, and back in their place. */

import pg from 'pg'
import { migrationLock } from '../db/migration-lock.ts'
import { restoringSchema } from '../db/restoring.ts'
import {
  notCopied,
  quoted,
  type Relation,
  readMigrations,
  readRelations,
  readSequences,
  readTables,
} from './catalog.ts'
import type { Manifest } from './manifest.ts'
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

/** It was looked at before, and others may have migrated it since then. */
const requireMigrations = async (client: pg.Client, { migrations }: Manifest): Promise<void> => {
  const done = (await readMigrations(client)) ?? []
  const other = done.find((name) => !migrations.includes(name)) ?? migrations.find((name) => !done.includes(name))
  if (other === undefined) return
  const words = done.includes(other) ? `it has ${other}` : `it lacks ${other}`
  throw new RestoreRefusedError(`Somebody else has changed the database meanwhile: ${words}. ${emptyPlaceRemedy}`)
}

/** A restore that fails takes the tables away: what is somebody else's must not be among them. */
const requireOnlyOurs = async (
  client: pg.Client,
  home: string,
  found: readonly Relation[],
  { tables, sequences, version }: Manifest,
): Promise<void> => {
  const listed = [...tables, ...sequences].map(({ name }) => name)
  const other = found.find(({ name }) => !listed.includes(name) && !notCopied.includes(name))
  if (other) {
    throw new RestoreRefusedError(
      `The schema ${home} of the database has the ${other.kind} ${other.name}, which is none of Countersign's. Move it into another schema, or restore into a new, empty database.`,
    )
  }
  const there = [...(await readTables(client)), ...(await readSequences(client))].map(({ name }) => name)
  const missing = listed.find((name) => !there.includes(name))
  if (missing !== undefined) {
    throw new RestoreRefusedError(
      `The backup has ${missing}, which is none of version ${version}'s: somebody else had it in the same schema. Run \`countersign migrate\` on a new database, make an empty one like it there, and restore into that.`,
    )
  }
}

/** PostgreSQL's code for what is not dropped, since something else depends on it. */
const isDependedOn = '2BP01'

/** Nothing goes with them: not what others have made of them. @throws RestoreRefusedError that names it */
const drop = async (client: pg.Client, schema: string, relations: readonly Relation[]): Promise<void> => {
  // Defaults of tables depend on sequences.
  for (const kind of ['table', 'sequence']) {
    const names = relations.flatMap((each) => (each.kind === kind ? [`${quoted(schema)}.${quoted(each.name)}`] : []))
    if (names.length === 0) continue
    try {
      await client.query(`drop ${kind} ${names.join(', ')}`)
    } catch (cause) {
      if (!(cause instanceof pg.DatabaseError) || cause.code !== isDependedOn) throw cause
      const [dependent] = (cause.detail ?? cause.message).split('\n')
      throw new RestoreRefusedError(
        `Something else in the database needs the tables of Countersign, and would go with them: ${dependent}. Remove it and make it again after the restore, or restore into a new, empty database.`,
        { cause },
      )
    }
  }
}

/** Asks the database by trying: it knows views, keys, defaults, functions and types of all schemas. */
const requireNothingDepends = async (client: pg.Client, home: string, ours: readonly Relation[]): Promise<void> => {
  await client.query('savepoint untouched')
  await drop(client, home, ours)
  await client.query('rollback to savepoint untouched')
}

const move = async (client: pg.Client, from: string, to: string, relations: readonly Relation[]): Promise<void> => {
  for (const { kind, name } of relations) {
    await client.query(`alter ${kind} ${quoted(from)}.${quoted(name)} set schema ${quoted(to)}`)
  }
}

const begin = async (client: pg.Client): Promise<void> => {
  await client.query('begin')
  await client.query(`select pg_advisory_xact_lock(${migrationLock})`)
}

/**
 * Puts the empty tables of a database with the backup's migrations aside, in one short transaction. From then on nobody
 * finds any, but the connection, by their names alone.
 * @param id is kept with them
 * @throws RestoreRefusedError when one of them is not empty, or something there is not ours
 */
export const putTablesAside = async (client: pg.Client, id: string, manifest: Manifest): Promise<TablesAside> => {
  await begin(client)
  await requireMigrations(client, manifest)
  const { rows } = await client.query<TablesAside>(
    'select current_schema()::text as home, pg_current_xact_id()::text as xid',
  )
  const [aside] = rows
  if (aside === undefined) throw new Error('The database did not say where its tables are.')
  const found = await readRelations(client, aside.home)
  await requireOnlyOurs(client, aside.home, found, manifest)
  const names = (await readTables(client)).map(({ name }) => quoted(name)).join(', ')
  await client.query(`lock table ${names} in access exclusive mode`)
  await requireEmptyTables(client)
  await requireNothingDepends(client, aside.home, found)
  await client.query(`create schema ${restoringSchema}`)
  await client.query(`comment on schema ${restoringSchema} is ${client.escapeLiteral(id)}`)
  await move(client, aside.home, restoringSchema, found)
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
  const [other] = await readRelations(client, home)
  if (other) {
    throw new RestoreRefusedError(`Somebody else has made ${other.name} in the database meanwhile. ${emptyPlaceRemedy}`)
  }
  await move(client, restoringSchema, home, await readRelations(client, restoringSchema))
  await client.query('reset search_path')
  await client.query(`set local idle_in_transaction_session_timeout = ${uncommittedMs}`)
}

/**
 * Removes them with all that is in them: the database has none then.
 * @throws RestoreRefusedError when others need them
 */
export const removeTablesAside = async (client: pg.Client): Promise<void> => {
  await client.query('begin')
  await drop(client, restoringSchema, await readRelations(client, restoringSchema))
  await client.query(`drop schema ${restoringSchema}`)
  await client.query('commit')
}
