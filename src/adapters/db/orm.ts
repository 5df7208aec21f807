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
    migrations: { path: migrationsDirectory, tableName: 'migration', emit: 'ts', snapshot: false },
    // BullMQ keeps its tables in a schema of its own.
    schemaGenerator: { ignoreSchema: ['bullmq'] },
  })

export type Orm = Awaited<ReturnType<typeof createOrm>>
