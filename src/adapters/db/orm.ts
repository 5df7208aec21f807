import { fileURLToPath } from 'node:url'
import { Migrator } from '@mikro-orm/migrations'
import { MikroORM } from '@mikro-orm/postgresql'
import { entities } from '../../domain/entities.ts'
import { returnBrokenConnections } from './broken-connections.ts'
import { TransactionClient } from './transaction-client.ts'

export const migrationsDirectory = fileURLToPath(new URL('../../../migrations', import.meta.url))

// A process that is paused, or whose machine is gone, in the middle of a transaction holds what it locked, the lease of
// its step among it, and keeps every later event from being read. As long as a lease lasts.
const idleInTransactionMs = 15_000

/** Connects to the database. Each request, job and event reads through a fork of `orm.em`. */
export const createOrm = (databaseUrl: string, poolSize = 10) =>
  MikroORM.init({
    clientUrl: databaseUrl,
    entities: [...entities],
    extensions: [Migrator],
    pool: { min: 0, max: poolSize },
    driverOptions: {
      idle_in_transaction_session_timeout: idleInTransactionMs,
      onPoolCreated: returnBrokenConnections,
      Client: TransactionClient,
    },
    // It would write to the standard output, which is for what people and scripts asked for.
    migrations: { path: migrationsDirectory, tableName: 'migration', emit: 'ts', snapshot: false, silent: true },
    // BullMQ keeps its tables in a schema of its own.
    schemaGenerator: { ignoreSchema: ['bullmq'] },
  })

export type Orm = Awaited<ReturnType<typeof createOrm>>

/** A short name for the database that no other has, whatever address it is reached at. */
export const databaseIdentity = async (orm: Orm): Promise<string> => {
  const [row] = await orm.em
    .getConnection()
    .execute<{ identity: string }[]>(
      `select md5(system_identifier || '/' || current_database()) as identity from pg_control_system()`,
    )
  if (!row) throw new Error('The database did not say who it is.')
  return row.identity.slice(0, 16)
}
