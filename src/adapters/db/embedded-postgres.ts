import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { databaseAccount } from './embedded-account.ts'
import { postgresBinaries } from './embedded-binaries.ts'
import { type Cluster, openCluster } from './embedded-cluster.ts'
import { clearTheWay, endOrphanedBackends, ownerOption } from './embedded-holder.ts'
import { databaseLocation } from './embedded-location.ts'
import { freePort, type RunningServer, ServerStartError, startServer } from './embedded-server.ts'

export interface EmbeddedPostgresOptions {
  readonly dataDir: string
  /** Gets each line that PostgreSQL writes. */
  readonly log: (line: string) => void
  /** Is called when PostgreSQL runs and has yet to become ready, for each time that it is tried. */
  readonly onSpawn?: () => void
  /** False gives up the promise that what was committed survives a crash of the machine, for speed in tests. */
  readonly isDurable?: boolean
  /** Where database and programs are kept that the database's own user cannot reach otherwise. */
  readonly systemDir?: string
}

export interface EmbeddedPostgres {
  /** For the role `countersign`, which owns the database `countersign` and may make others; it is no superuser. */
  readonly connectionString: string
  /** Where the database really is. */
  readonly directory: string
  /** What a person should be told about where things are kept; null when that is where they expect it. */
  readonly notice: string | null
  /** Settles when the database has ended: with null after `stop`, else with what happened. */
  readonly ended: Promise<Error | null>
  /** Shuts down without loss and waits until the server is gone. May be called more than once. */
  stop(): Promise<void>
}

export const defaultSystemDir = '/var/lib/countersign'

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  password_encryption: 'scram-sha-256',
  lc_messages: 'C',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_destination: 'stderr',
  log_line_prefix: '%m [%p] ',
  logging_collector: 'off',
}
const durable = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' }
const fleeting = {
  autovacuum: 'off',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_wal_size: '256MB',
  // A random password needs no stretching, which costs both sides of each of many short connections.
  scram_iterations: '1',
}

/**
 * Starts a real PostgreSQL in `<dataDir>/postgres`, on a free port of the loopback interface, and makes what is
 * missing. It ends with this process, however that ends.
 * @throws DatabaseInUseError when another running process has it open
 * @throws ServerStartError or Error, with PostgreSQL's own words, when it cannot be started
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  if (process.platform === 'win32') throw new Error('The embedded database does not run on Windows: set DATABASE_URL.')
  const systemDir = options.systemDir ?? defaultSystemDir
  const account = await databaseAccount(join(options.dataDir, 'postgres', 'data'))
  const location = await databaseLocation(options.dataDir, account, systemDir)
  const binaries = await postgresBinaries(account, systemDir)
  const cluster = await openCluster(location.directory, account, binaries, options.isDurable ?? true)
  const { server, port } = await startOnFreePort(cluster, binaries.postgres, options)
  try {
    await prepareDatabase(cluster, port)
  } catch (error) {
    await server.stop()
    throw error
  }

  let isStopping = false
  const notices = [
    location.isElsewhere && `The database is in ${location.directory}: its own user cannot reach ${options.dataDir}.`,
    binaries.copiedTo !== null &&
      `PostgreSQL's programs were copied to ${binaries.copiedTo}, where that user can run them.`,
  ].filter((text) => text !== false)
  return {
    connectionString: connectionString('countersign', cluster.applicationPassword, port, 'countersign'),
    directory: location.directory,
    notice: notices.length === 0 ? null : notices.join(' '),
    ended: server.ended.then((code) =>
      isStopping ? null : new Error(`The embedded PostgreSQL in ${cluster.data} ended by itself (exit code ${code}).`),
    ),
    stop: async () => {
      isStopping = true
      await server.stop()
    },
  }
}

async function startOnFreePort(
  cluster: Cluster,
  postgres: string,
  options: EmbeddedPostgresOptions,
): Promise<{ server: RunningServer; port: number }> {
  const { data, identity } = cluster
  for (let triesLeft = 40; ; triesLeft -= 1) {
    await clearTheWay(data, options.log)
    const port = await freePort()
    const safety = (options.isDurable ?? true) ? durable : fleeting
    try {
      const server = await startServer({
        postgres,
        data,
        identity,
        log: options.log,
        onSpawn: options.onSpawn,
        settings: { ...settings, ...safety, ...(await ownerOption()), port: String(port) },
      })
      return { server, port }
    } catch (error) {
      if (!(error instanceof ServerStartError) || error.reason === 'other' || triesLeft === 0) throw error
      // Between our look and PostgreSQL's own, somebody else took the port or the directory: look again.
      if (error.reason === 'memory') await endOrphanedBackends(data)
      if (error.reason !== 'port') await delay(100)
    }
  }
}

/** Makes the role and the database that are missing. */
async function prepareDatabase(cluster: Cluster, port: number): Promise<void> {
  const client = new pg.Client(connectionString('postgres', cluster.superuserPassword, port, 'postgres'))
  await client.connect()
  try {
    const { rows } = await client.query<{ hasRole: boolean; hasDatabase: boolean }>(
      `select exists (select from pg_roles where rolname = 'countersign') as "hasRole",
              exists (select from pg_database where datname = 'countersign') as "hasDatabase"`,
    )
    if (rows[0]?.hasRole !== true) {
      // The password is hexadecimal digits, and a utility statement takes no parameters.
      await client.query(`create role countersign login createdb password '${cluster.applicationPassword}'`)
    }
    if (rows[0]?.hasDatabase !== true) await client.query('create database countersign owner countersign')
  } finally {
    await client.end()
  }
}

export function connectionString(user: string, password: string, port: number, database: string): string {
  return `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`
}
