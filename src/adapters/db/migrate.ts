import { readdir } from 'node:fs/promises'
import { LATEST_SCHEMA_VERSION } from 'bullmq'
import pg from 'pg'
import { migrateQueues } from '../queue/queues.ts'
import { createOrm, migrationsDirectory } from './orm.ts'

// Any constant serves, as long as every process that migrates uses the same.
const migrationLock = 7_236_001
const connectMs = 5_000

/**
 * Brings the database to the newest migration. Several processes may call it at once: one migrates, the others wait.
 * @returns the names of the migrations that were run
 */
export const migrate = async (databaseUrl: string): Promise<readonly string[]> => {
  const orm = await createOrm(databaseUrl, 2)
  try {
    const connection = orm.em.getConnection()
    const lock = await connection.begin()
    try {
      await connection.execute('select pg_advisory_xact_lock(?)', [migrationLock], 'run', lock)
      const done = await orm.migrator.up()
      await migrateQueues(databaseUrl)
      return done.map((migration) => migration.name)
    } finally {
      await connection.commit(lock)
    }
  } finally {
    await orm.close()
  }
}

/**
 * The migrations that the database still lacks, the queues' own tables among them. It only reads: whoever migrates
 * meanwhile is not disturbed.
 */
export const pendingMigrations = async (databaseUrl: string): Promise<readonly string[]> => {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: connectMs })
  // A connection that breaks between two queries would be an error that nobody caught.
  client.on('error', () => {})
  await client.connect()
  try {
    const done = await readIfThere<{ name: string }>(client, 'select name from migration')
    const names = new Set(done.map(({ name }) => name))
    const pending = (await migrationNames()).filter((name) => !names.has(name))
    return (await hasQueues(client)) ? pending : [...pending, 'bullmq']
  } finally {
    await client.end()
  }
}

const migrationNames = async (): Promise<readonly string[]> => {
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
