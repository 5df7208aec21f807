import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/adapters/db/embedded-postgres.ts'
import { freePort } from '../../src/adapters/db/embedded-server.ts'
import type { BenchContext } from '../harness/benchmark.ts'
import { timed } from '../harness/paired.ts'
import type { EmptyServerOptions } from './empty-server-process.ts'
import { emptyServerTables } from './empty-yoga.ts'
import { type Launched, launch } from './launch.ts'

// What npm's scripts run.
const main = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url))
const token = 'csk_benchmark_benchmark'

/** The ways to a first answer. Each can be taken again and again. */
export interface Starts {
  /** What `npm start` runs, on a data directory that is new each time. */
  cold(): Promise<Launched>
  /** The same on one that has been used before; in small on a database that runs. */
  warm(): Promise<Launched>
  /** The API alone on a database that runs. */
  api(): Promise<Launched>
  /** The empty server on a database that runs. */
  empty(): Promise<Launched>
  /** The same on a PostgreSQL that is made and started first: the time of both. */
  emptyCold(): Promise<Pick<Launched, 'ms' | 'answer' | 'stop'>>
  /** The same on a PostgreSQL that is started first. */
  emptyWarm(): Promise<Pick<Launched, 'ms' | 'answer' | 'stop'>>
}

/** Makes the tables of the empty server. */
export const makeEmptyTables = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query(emptyServerTables)
  await client.end()
}

/** @param emptyServer its script */
export const createStarts = async (context: BenchContext, emptyServer: string): Promise<Starts> => {
  const migrated = await context.database()
  const bare = await context.database(false)
  await makeEmptyTables(bare)
  // Figures of a run in small mean nothing: what others have compiled saves it half of its time.
  const { NODE_COMPILE_CACHE: cache } = process.env
  const compiled: Record<string, string> = context.isSmall && cache ? { NODE_COMPILE_CACHE: cache } : {}
  let fresh = 0
  const freshDirectory = async () => {
    fresh += 1
    const directory = join(context.directory, `cold-${fresh}`)
    await mkdir(directory)
    return directory
  }
  const ours = async (command: 'start' | 'api', dataDir: string, environment: Record<string, string> = {}) => {
    const port = await freePort()
    const places = { PORT: String(port), DATA_DIR: dataDir, ADMIN_TOKEN: token }
    return launch({ argv: [main, command], environment: { ...places, ...environment, ...compiled }, port, token })
  }
  const empty = async (databaseUrl: string) => {
    const port = await freePort()
    const options: EmptyServerOptions = { databaseUrl, port, compiled: join(context.directory, 'empty-compiled') }
    return launch({ argv: [emptyServer, JSON.stringify(options)], environment: compiled, port, token })
  }
  /** @param isNew whether the database has not got its table yet */
  const emptyOnOwn = async (dataDir: string, isNew: boolean) => {
    let postgres: Awaited<ReturnType<typeof startEmbeddedPostgres>> | undefined
    const databaseMs = await timed(async () => {
      postgres = await startEmbeddedPostgres({ dataDir, log: () => {} })
      if (isNew) await makeEmptyTables(postgres.connectionString)
    })
    const launched = await empty(postgres?.connectionString ?? '')
    return {
      ms: databaseMs + launched.ms,
      answer: launched.answer,
      async stop() {
        await launched.stop()
        await postgres?.stop()
      },
    }
  }
  const warmDirectory = join(context.directory, 'warm')
  const emptyDirectory = join(context.directory, 'empty-warm')
  await mkdir(emptyDirectory)
  let isMade = false
  return {
    cold: async () => ours('start', await freshDirectory()),
    warm: () => ours('start', warmDirectory, context.isSmall ? { DATABASE_URL: migrated } : {}),
    api: () => ours('api', join(context.directory, 'api'), { DATABASE_URL: migrated }),
    empty: () => empty(bare),
    emptyCold: async () => emptyOnOwn(await freshDirectory(), true),
    async emptyWarm() {
      const isNew = !isMade
      isMade = true
      return emptyOnOwn(emptyDirectory, isNew)
    },
  }
}
