import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { pendingMigrations } from './adapters/db/migrate.ts'
import { createOrm } from './adapters/db/orm.ts'
import { type ReachedDatabase, reachEmbeddedPostgres } from './adapters/db/reach-embedded.ts'
import { createGitStore } from './adapters/git/git-store.ts'
import type { Config } from './config.ts'
import type { GitStore } from './domain/ports/git-store.ts'
import type { Logger, Services } from './domain/shared/services.ts'

/** What a command needs that works on the stored data itself, beside a running server or without one. */
export interface Stores extends Pick<Services, 'em' | 'git' | 'log'>, AsyncDisposable {}

/**
 * Opens the database and the repositories. It migrates nothing and works on no jobs. An embedded database that does
 * not run is started, and stopped again when the stores are disposed of.
 * @throws Error when there is no database, or one of another version
 */
export const openStores = async (config: Config, log: Logger): Promise<Stores> => {
  await using stack = new AsyncDisposableStack()
  if (config.databaseUrl === undefined) await requireDatabase(config.dataDir)
  const { connectionString: databaseUrl, release } = await reachDatabase(config, log)
  stack.defer(release)
  const pending = await pendingMigrations(databaseUrl)
  if (pending.length > 0) {
    const remedy = config.databaseUrl === undefined ? 'start the server once' : 'run `countersign migrate` first'
    throw new Error(`The database lacks ${pending.length} migrations: ${remedy}.`)
  }
  const orm = await createOrm(databaseUrl, 2)
  stack.defer(() => orm.close())
  const git = stack.use(openRepositories(config))
  const owned = stack.move()
  return { em: () => orm.em.fork(), git, log, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The configured database, or the embedded one, which is made where there is none. */
export const reachDatabase = async ({ databaseUrl, dataDir }: Config, log: Logger): Promise<ReachedDatabase> =>
  databaseUrl === undefined
    ? await reachEmbeddedPostgres({ dataDir, log: (line) => log.debug({ postgres: line }, 'postgres') })
    : { connectionString: databaseUrl, release: async () => {} }

/** The repositories of the data directory, for what talks to no remote. */
export const openRepositories = (config: Config): GitStore =>
  createGitStore({
    root: join(config.dataDir, 'repositories'),
    scratch: join(config.dataDir, 'scratch'),
    searchPath: config.searchPath,
    allowedProtocols: [],
    allowedHosts: [],
  })

/** A mistyped DATA_DIR must not become a new, empty database. */
export const requireDatabase = async (dataDir: string): Promise<void> => {
  try {
    await access(join(dataDir, 'postgres'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`There is no database in ${dataDir}. Set DATA_DIR or DATABASE_URL as the server has them.`)
  }
}
