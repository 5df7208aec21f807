import { readdir } from 'node:fs/promises'
import { LATEST_SCHEMA_VERSION } from 'bullmq'
import pg from 'pg'
import { migrateQueues } from '../queue/queues.ts'
import { migrationLock } from './migration-lock.ts'
import { createOrm, migrationsDirectory } from './orm.ts'
import { requireNoRestore } from './restoring.ts'

const connectMs = 5_000

export interface MigrateOptions {
  /** Runs no others than these, and leaves the queues' tables for later. */
  readonly upTo?: readonly string[]
  /** Told in words when somebody else has to be waited for. */
  readonly waiting?: (words: string) => void
}

/**
 * Brings the database to the newest migration. Several processes may call it at once: one migrates, the others wait. A
 * backup that reads the rows is waited for.
 * @returns the names of the migrations that were run
 * @throws UnfinishedRestoreError; whatever a migration fails with
 */
export const migrate = async (
  databaseUrl: string,
  { upTo, waiting }: MigrateOptions = {},
): Promise<readonly string[]> => {
  const orm = await createOrm(databaseUrl, 2)
  try {
    const connection = orm.em.getConnection()
    const lock = await connection.begin()
    try {
      // It stands idle for as long as the migrations take.
      await connection.execute('set local idle_in_transaction_session_timeout = 0', [], 'run', lock)
      const tryLock = 'select pg_try_advisory_xact_lock(?) as mine'
      const [tried] = await connection.execute<{ mine: boolean }[]>(tryLock, [migrationLock], 'all', lock)
      if (tried?.mine !== true) {
        waiting?.('waiting until another process has migrated the database, or a backup has read its rows')
        await connection.execute('select pg_advisory_xact_lock(?)', [migrationLock], 'run', lock)
      }
      await withClient(databaseUrl, requireNoRestore)
      const done = await orm.migrator.up(upTo && { migrations: [...upTo] })
      if (!upTo) await migrateQueues(databaseUrl)
      await connection.commit(lock)
      return done.map((migration) => migration.name)
    } catch (error) {
      // Only the lock is let go of. When that fails its connection has ended, and the lock with it: the first counts.
      await connection.rollback(lock).catch(() => {})
      throw error
    }
  } finally {
    await orm.close()
  }
}

/**
 * The migrations that the database still lacks, the queues' own tables among them. It only reads: whoever migrates
 * meanwhile is not disturbed.
 * @throws UnfinishedRestoreError
 */
export const pendingMigrations = async (databaseUrl: string): Promise<readonly string[]> =>
  (await readMigrations(databaseUrl)).pending

/** What a database and this version differ in. */
export interface MigrationDifference {
  /** What the database still lacks. */
  readonly pending: readonly string[]
  /** What it has of a newer version. */
  readonly unknown: readonly string[]
}

/** The same, and whether the database is of a newer version. @throws UnfinishedRestoreError */
export const readMigrations = (databaseUrl: string): Promise<MigrationDifference> =>
  withClient(databaseUrl, async (client) => {
    await requireNoRestore(client)
    const done = await readIfThere<{ name: string }>(client, 'select name from migration')
    const { pending, unknown } = await compareMigrations(done.map(({ name }) => name))
    return { pending: (await hasQueues(client)) ? pending : [...pending, 'bullmq'], unknown }
  })

const withClient = async <Result>(
  databaseUrl: string,
  use: (client: pg.Client) => Promise<Result>,
): Promise<Result> => {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: connectMs })
  // A connection that breaks between two queries would be an error that nobody caught.
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** @param done the names of those that a database has */
export const compareMigrations = async (done: readonly string[]): Promise<MigrationDifference> => {
  const known = await migrationNames()
  return {
    pending: known.filter((name) => !done.includes(name)),
    unknown: done.filter((name) => !known.includes(name)).sort(),
  }
}

/** The migrations of this program, the oldest first. */
export const migrationNames = async (): Promise<readonly string[]> => {
  const files = await readdir(migrationsDirectory)
  return files.flatMap((file) => /^(Migration\w+)\.[jt]s$/.exec(file)?.[1] ?? []).sort()
}

const hasQueues = async (client: pg.Client): Promise<boolean> => {
  const [newest] = await readIfThere<{ version: number | null }>(
    client,
    'select max(version) as version from bullmq.migration',
  )
  return (newest?.version ?? 0) >= LATEST_SCHEMA_VERSION
}

/** No rows where the table is not there. */
const readIfThere = async <Row extends object>(client: pg.Client, query: string): Promise<readonly Row[]> => {
  try {
    return (await client.query<Row>(query)).rows
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '42P01') return []
    throw error
  }
}
