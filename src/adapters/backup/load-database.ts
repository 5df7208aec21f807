/**
 * The rows of a backup into tables that were put aside for them. In many short transactions: the server may have other
 * databases, and whoever reads the events of one of them waits for every transaction that writes, in whatever database.
 */

import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { readRestoring, restoreLock } from '../db/restoring.ts'
import { beginAnew } from './begin-anew.ts'
import { columnList, connect, quoted, readForeignKeys, readMigrations, readRelations } from './catalog.ts'
import { copyIn } from './copy-rows.ts'
import { DamagedBackupError } from './files.ts'
import { type Manifest, tableFile } from './manifest.ts'
import { RestoreRefusedError } from './read-backup.ts'
import { emptyPlaceRemedy, removeTablesAside, requireEmptyTables, type TablesAside } from './tables-aside.ts'

interface Options {
  readonly signal: AbortSignal
  readonly progress: (words: string) => void
}

/** Where tables are made that are named without their schema. */
const currentSchema = async (client: pg.Client): Promise<string> => {
  const { rows } = await client.query<{ name: string | null }>('select current_schema()::text as name')
  return rows[0]?.name ?? ''
}

/** @throws RestoreRefusedError when the backup's rows cannot be put there */
export const requireRestorable = async (client: pg.Client, { migrations, version }: Manifest): Promise<void> => {
  const done = await readMigrations(client)
  const [other] = done === null ? await readRelations(client, await currentSchema(client)) : []
  if (other) {
    throw new RestoreRefusedError(
      `The database is not empty: it has the ${other.kind} ${other.name}. ${emptyPlaceRemedy}`,
    )
  }
  const later = done?.find((name) => !migrations.includes(name))
  if (later !== undefined) {
    throw new RestoreRefusedError(
      `The database was migrated further than version ${version}, of which the backup is: it has ${later}. Restore into a database without tables; it is migrated then.`,
    )
  }
  await requireEmptyTables(client)
}

/** In bytes: what the database takes in well under a second. */
const pieceBytes = 4 * 1_048_576

const lineEnd = 0x0a

/** Cuts what COPY wrote as text into pieces of whole rows: a line end within a value is written in other letters. */
async function* rowPieces(content: AsyncIterable<Buffer>): AsyncGenerator<readonly Buffer[]> {
  let piece: Buffer[] = []
  let bytes = 0
  for await (const chunk of content) {
    const end = bytes + chunk.length < pieceBytes ? 0 : chunk.lastIndexOf(lineEnd) + 1
    if (end > 0) {
      yield [...piece, chunk.subarray(0, end)]
      piece = []
      bytes = 0
    }
    piece.push(chunk.subarray(end))
    bytes += chunk.length - end
  }
  if (bytes > 0) yield piece
}

const loadTable = async (
  client: pg.Client,
  directory: string,
  table: Manifest['tables'][number],
  { signal }: Options,
): Promise<void> => {
  const statement = `copy ${quoted(table.name)} (${columnList(table)}) from stdin`
  let rows = 0
  for await (const piece of rowPieces(createReadStream(join(directory, tableFile(table.name)), { signal }))) {
    signal.throwIfAborted()
    rows += await copyIn(client, statement, piece)
  }
  if (rows !== table.rows) {
    throw new DamagedBackupError(`${table.name} has ${rows} rows, and ${table.rows} in the manifest.`)
  }
}

/** Fills the tables, which have the backup's migrations and no rows. @throws DamagedBackupError */
export const loadDatabase = async (
  client: pg.Client,
  directory: string,
  { tables, sequences }: Manifest,
  { xid }: TablesAside,
  options: Options,
): Promise<void> => {
  // What a crash of the database server takes with it is loaded again by the next restore.
  await client.query('set synchronous_commit = off')
  // Rows come table by table, and tables refer to each other. Made again, the keys are checked over all rows at once.
  const keys = await readForeignKeys(client)
  for (const { table, name } of keys) {
    await client.query(`alter table ${quoted(table)} drop constraint ${quoted(name)}`)
  }
  for (const [index, table] of tables.entries()) {
    options.signal.throwIfAborted()
    await loadTable(client, directory, table, options)
    options.progress(`table ${index + 1} of ${tables.length}`)
  }
  for (const { table, name, definition } of keys) {
    options.signal.throwIfAborted()
    await client.query(`alter table ${quoted(table)} add constraint ${quoted(name)} ${definition}`)
  }
  await beginAnew(client, sequences, xid)
}

/**
 * Removes what a failed restore has loaded, once its own session has ended. The tables go with it: the database has
 * none then.
 * @param id of that restore; what another has there stays
 * @throws RestoreRefusedError when something of others needs them by now
 */
export const unloadDatabase = async (databaseUrl: string, id: string): Promise<void> => {
  const client = await connect(databaseUrl)
  try {
    await client.query(`set lock_timeout = '30s'; select pg_advisory_lock(${restoreLock})`)
    const found = await readRestoring(client)
    if (found?.id === id && !found.isComplete) await removeTablesAside(client)
  } finally {
    await client.end()
  }
}
