import { migrateQueues } from '../queue/queues.ts'
import { createOrm } from './orm.ts'

// Any constant serves, as long as every process that migrates uses the same.
const migrationLock = 7_236_001

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

/** The migrations that the database still lacks. */
export const pendingMigrations = async (databaseUrl: string): Promise<readonly string[]> => {
  const orm = await createOrm(databaseUrl, 1)
  try {
    return (await orm.migrator.getPending()).map((migration) => migration.name)
  } finally {
    await orm.close()
  }
}
