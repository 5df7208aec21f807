/** All rows as they are at one moment, a file for each table. */

import type pg from 'pg'
import { backupLock } from '../../domain/maintenance/backup-lock.ts'
import { migrationLock } from '../db/migration-lock.ts'
import { type BackupOptions, waitUntil } from './backup-options.ts'
import { columnList, quoted, readMigrations, readSequences, readTables, type Table } from './catalog.ts'
import { copyOut } from './copy-rows.ts'
import { storeFile } from './files.ts'
import { identifier, type Manifest, type StoredFile, tableFile } from './manifest.ts'

/** Without it there is no telling cursors of before a restore from those after it. */
const oldestMigration = 'Migration20261122010000_restored_log'

/** What the rows say of a project's repository. */
export interface CopiedProject {
  readonly id: string
  readonly branch: string | null
  readonly head: string | null
}

export interface Dump extends Pick<Manifest, 'at' | 'migrations' | 'tables' | 'sequences'> {
  readonly projects: readonly CopiedProject[]
  readonly files: readonly StoredFile[]
}

/**
 * Keeps maintenance from beginning for as long as the connection lasts, and waits for what is under way: by the rows of
 * later it would let go of what rows of now speak of.
 */
export const holdMaintenance = async (client: pg.Client, options: BackupOptions): Promise<void> => {
  const tryLock = `select pg_try_advisory_lock(${backupLock}) as yes`
  await waitUntil(() => isTrue(client, tryLock), 'waiting for another backup to end', options)
  const nobody = `select not exists (select from lease where resource like 'maintenance:%' and until > now()) as yes`
  await waitUntil(() => isTrue(client, nobody), 'waiting until a repository has been packed', options)
}

const isTrue = async (client: pg.Client, query: string): Promise<boolean> =>
  (await client.query<{ yes: boolean }>(query)).rows[0]?.yes === true

/**
 * Keeps migrations from beginning, and waits for those under way: a table that is written anew has no rows for a
 * snapshot of before, and a migration that waits for this one to be read keeps everybody else waiting for the table.
 */
const holdMigrations = async (client: pg.Client, options: BackupOptions): Promise<void> => {
  const tryLock = `select pg_try_advisory_lock_shared(${migrationLock}) as yes`
  await waitUntil(() => isTrue(client, tryLock), 'waiting until the database has been migrated', options)
}

/** @throws Error when maintenance may have begun meanwhile, since the connection was lost */
export const letMaintenanceGo = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ held: boolean }>(`select pg_advisory_unlock(${backupLock}) as held`)
  if (rows[0]?.held !== true) throw new Error('The lock of the backup was lost: make it again.')
}

const copyTable = async (client: pg.Client, table: Table, { directory, signal }: BackupOptions) => {
  signal.throwIfAborted()
  const { content, rows } = copyOut(client, `copy ${quoted(table.name)} (${columnList(table)}) to stdout`)
  const file = await storeFile(directory, tableFile(table.name), content)
  return { file, table: { name: table.name, columns: [...table.columns], rows: await rows } }
}

/** @throws Error for a table that no backup could be restored with */
const requireNames = (tables: readonly Table[]): void => {
  const isName = (name: string) => identifier.safeParse(name).success
  const other = tables.find(({ name, columns }) => ![name, ...columns].every(isName))
  if (other === undefined) return
  throw new Error(
    `The database has the table ${other.name} beside those of Countersign, and no backup can have that. Move it into another schema.`,
  )
}

/**
 * Nobody migrates meanwhile.
 * @throws Error when the database has migrations that this program does not know, or none at all
 */
export const dumpDatabase = async (
  client: pg.Client,
  knownMigrations: readonly string[],
  options: BackupOptions,
): Promise<Dump> => {
  await holdMigrations(client, options)
  await client.query('begin isolation level repeatable read read only')
  const migrations = await readMigrations(client)
  if (migrations === null) throw new Error('There is nothing to back up: the database has none of our tables.')
  const unknown = migrations.find((name) => !knownMigrations.includes(name))
  if (unknown !== undefined) {
    throw new Error(`The database is of a later version, with ${unknown}: make the backup with that version.`)
  }
  if (!migrations.includes(oldestMigration)) {
    throw new Error('The database is of a version that knew no backups: run `countersign migrate` first.')
  }
  const { rows: now } = await client.query<{ at: Date }>('select now() as at')
  const tables = await readTables(client)
  requireNames(tables)
  const { rows: projects } = await client.query<CopiedProject>(
    'select id::text, target_branch as branch, head_commit as head from project order by id',
  )
  const copied = []
  for (const table of tables) copied.push(await copyTable(client, table, options))
  // Not of the same moment, and so never behind the rows.
  const sequences = await readSequences(client)
  await client.query('commit')
  await client.query(`select pg_advisory_unlock_shared(${migrationLock})`)
  return {
    at: (now[0]?.at ?? new Date()).toISOString(),
    migrations: [...migrations],
    tables: copied.map(({ table }) => table),
    sequences: [...sequences],
    projects,
    files: copied.map(({ file }) => file),
  }
}
