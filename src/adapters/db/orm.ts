import { fileURLToPath } from 'node:url'
import { Migrator } from '@mikro-orm/migrations'
import { MikroORM } from '@mikro-orm/postgresql'
import { entities } from '../../domain/entities.ts'

const migrationsDirectory = fileURLToPath(new URL('../../../migrations', import.meta.url))

/** Connects to the database. Each request, job and event reads through a fork of `orm.em`. */
export const createOrm = (databaseUrl: string, poolSize = 10) =>
  MikroORM.init({
    clientUrl: databaseUrl,
    entities: [...entities],
    extensions: [Migrator],
    pool: { min: 0, max: poolSize },
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
