import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseAccount } from './embedded-account.ts'
import { postgresBinaries } from './embedded-binaries.ts'
import { openCluster } from './embedded-cluster.ts'
import { DatabaseInUseError } from './embedded-holder.ts'
import { databaseLocation } from './embedded-location.ts'
import {
  connectionString,
  defaultSystemDir,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres.ts'

/** A database that this process may use until it lets go of it. */
export interface ReachedDatabase {
  readonly connectionString: string
  /** Stops the database if this process started it. */
  release(): Promise<void>
}

// Lines of postmaster.pid, counted from 0.
const portLine = 3

/**
 * The embedded database for a command beside the server: the running one of another process, or else one that is
 * started for as long as it is needed.
 * @throws Error as startEmbeddedPostgres does, but for a database that another process of ours has open
 */
export async function reachEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<ReachedDatabase> {
  try {
    const started = await startEmbeddedPostgres(options)
    return { connectionString: started.connectionString, release: () => started.stop() }
  } catch (error) {
    if (!(error instanceof DatabaseInUseError)) throw error
    return { connectionString: await connectionOfRunning(options, error), release: async () => {} }
  }
}

async function connectionOfRunning(options: EmbeddedPostgresOptions, inUse: DatabaseInUseError): Promise<string> {
  const systemDir = options.systemDir ?? defaultSystemDir
  const account = await databaseAccount(join(options.dataDir, 'postgres', 'data'))
  const location = await databaseLocation(options.dataDir, account, systemDir)
  const binaries = await postgresBinaries(account, systemDir)
  const cluster = await openCluster(location.directory, account, binaries, options.isDurable ?? true)
  const lock = await readFile(join(cluster.data, 'postmaster.pid'), 'utf8')
  const port = Number(lock.split('\n')[portLine])
  if (!Number.isInteger(port) || port <= 0) throw inUse
  return connectionString('countersign', cluster.applicationPassword, port, 'countersign')
}
