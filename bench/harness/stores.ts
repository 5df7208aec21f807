import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/adapters/db/embedded-postgres.ts'
import { migrate } from '../../src/adapters/db/migrate.ts'
import { startRedis } from './redis.ts'

/** The PostgreSQL and the Redis of a run: each is begun when a benchmark first asks for it. */
export interface Stores extends AsyncDisposable {
  /** A new database. */
  database(isMigrated: boolean): Promise<{ readonly url: string; readonly drop: () => Promise<void> }>
  /** Null where there is no redis-server on PATH. */
  redis(): Promise<string | null>
}

export interface StoresOptions {
  readonly directory: string
  /** Ones that run already, which are left as they are but for the databases and keys of this run. */
  readonly serverUrl?: string | undefined
  /** A migrated database on that server which nobody is connected to. */
  readonly template?: string | undefined
  readonly redisUrl?: string | undefined
}

// As the composition of a deployment has it.
const redisSettings = ['--maxmemory-policy', 'noeviction', '--appendonly', 'yes']

const administer = async (serverUrl: string, statement: string): Promise<void> => {
  const client = new pg.Client(serverUrl)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

const urlOf = (serverUrl: string, name: string): string => {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

export const openStores = (options: StoresOptions): Stores => {
  const stack = new AsyncDisposableStack()
  const prefix = `countersign_bench_${process.pid}_`
  let count = 0
  let server: Promise<string> | undefined
  let template = options.template === undefined ? undefined : Promise.resolve(options.template)
  let redis: Promise<string | null> | undefined

  const startServer = async (): Promise<string> => {
    if (options.serverUrl) return options.serverUrl
    const dataDir = join(options.directory, 'database')
    await mkdir(dataDir, { recursive: true })
    const postgres = await startEmbeddedPostgres({ dataDir, log: () => {} })
    stack.defer(() => postgres.stop())
    return postgres.connectionString
  }
  const create = async (from: string | null): Promise<{ name: string; url: string; drop: () => Promise<void> }> => {
    server ??= startServer()
    const serverUrl = await server
    count += 1
    const name = `${prefix}${count}`
    await administer(serverUrl, `create database ${name}${from ? ` template ${from} strategy file_copy` : ''}`)
    const drop = () => administer(serverUrl, `drop database if exists ${name} with (force)`)
    return { name, url: urlOf(serverUrl, name), drop }
  }
  const makeTemplate = async (): Promise<string> => {
    const { name, url, drop } = await create(null)
    stack.defer(drop)
    await migrate(url)
    return name
  }
  return {
    database: async (isMigrated) => {
      if (!isMigrated) return create(null)
      template ??= makeTemplate()
      return create(await template)
    },
    redis: () => {
      redis ??= (async () => {
        if (options.redisUrl) return options.redisUrl
        const directory = join(options.directory, 'redis')
        await mkdir(directory, { recursive: true })
        const started = await startRedis(directory, redisSettings)
        if (started) stack.defer(started.stop)
        return started?.url ?? null
      })()
      return redis
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
