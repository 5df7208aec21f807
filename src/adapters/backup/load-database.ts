/** The rows of a backup into an empty database, in one transaction. */

import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { beginAnew } from './begin-anew.ts'
import { columnList, quoted, readForeignKeys, readMigrations, readTables } from './catalog.ts'
import { copyIn } from './copy-rows.ts'
import { DamagedBackupError } from './files.ts'
import { type Manifest, tableFile } from './manifest.ts'
import { RestoreRefusedError } from './read-backup.ts'

/** They have rows where nobody has done anything yet. */
const neverEmpty = ['event_horizon', 'queue_memory']

const remedy = 'Restore into a new, empty database, while no process of Countersign uses it.'

const requireEmptyTables = async (client: pg.Client): Promise<void> => {
  for (const { name } of await readTables(client)) {
    if (neverEmpty.includes(name)) continue
    const { rows } = await client.query(`select from ${quoted(name)} limit 1`)
    if (rows.length > 0) throw new RestoreRefusedError(`The database is not empty: ${name} has rows. ${remedy}`)
  }
}

/** @throws RestoreRefusedError when the backup's rows cannot be put there */
export const requireRestorable = async (client: pg.Client, { migrations, version }: Manifest): Promise<void> => {
  const done = await readMigrations(client)
  const [other] = done === null ? await readTables(client) : []
  if (other) throw new RestoreRefusedError(`The database is not empty: it has the table ${other.name}. ${remedy}`)
  const later = done?.find((name) => !migrations.includes(name))
  if (later !== undefined) {
    throw new RestoreRefusedError(
      `The database was migrated further than version ${version}, of which the backup is: it has ${later}. Restore into a database without tables; it is migrated then.`,
    )
  }
  await requireEmptyTables(client)
}

/**
 * Puts the rows into a database that has the backup's migrations. Others that use it wait for the end, and see all or
 * nothing.
 * @param beforeCommit what else has to be there when the rows are
 * @throws RestoreRefusedError when somebody has written something meanwhile
 */
export const loadDatabase = async (
  client: pg.Client,
  directory: string,
  { tables, sequences }: Manifest,
  options: { readonly signal: AbortSignal; readonly progress: (words: string) => void },
  beforeCommit: () => Promise<void>,
): Promise<void> => {
  await client.query('begin')
  const all = (await readTables(client)).map(({ name }) => quoted(name)).join(', ')
  await client.query(`lock table ${all} in access exclusive mode`)
  await requireEmptyTables(client)
  // Rows come table by table, and tables refer to each other. Made again, the keys are checked over all rows at once.
  const keys = await readForeignKeys(client)
  for (const { table, name } of keys) {
    await client.query(`alter table ${quoted(table)} drop constraint ${quoted(name)}`)
  }
  await client.query(`truncate ${all}`)
  let stored = 0
  for (const table of tables) {
    options.signal.throwIfAborted()
    const content = createReadStream(join(directory, tableFile(table.name)), { signal: options.signal })
    const statement = `copy ${quoted(table.name)} (${columnList(table)}) from stdin`
    const rows = await copyIn(client, statement, content)
    if (rows !== table.rows) {
      throw new DamagedBackupError(`${table.name} has ${rows} rows, and ${table.rows} in the manifest.`)
    }
    stored += rows
  }
  options.progress(`${tables.length} tables, ${stored} rows`)
  for (const { table, name, definition } of keys) {
    await client.query(`alter table ${quoted(table)} add constraint ${quoted(name)} ${definition}`)
  }
  await beginAnew(client, sequences)
  await beforeCommit()
  await client.query('commit')
}
