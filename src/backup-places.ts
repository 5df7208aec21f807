import type { BackupOptions } from './adapters/backup/backup-options.ts'
import type { Manifest } from './adapters/backup/manifest.ts'
import { type RestoreOptions, restoreBackup } from './adapters/backup/restore-backup.ts'
import { takeBackup } from './adapters/backup/take-backup.ts'
import { migrate, migrationNames } from './adapters/db/migrate.ts'
import { UnfinishedRestoreError } from './adapters/db/restoring.ts'
import { awaitDatabase } from './await-backends.ts'
import type { FsckOptions } from './cli/fsck.ts'
import type { Config } from './config.ts'
import { fsckProjects } from './domain/maintenance/fsck-projects.ts'
import { createLogger } from './logger.ts'
import { openRepositories, openStores, reachDatabase, requireDatabase } from './open-stores.ts'
import { version } from './version.ts'

/** Copies what the configuration leads to, beside a running server or without one. */
export const copyingFrom =
  (config: Config) =>
  async (options: BackupOptions): Promise<Manifest> => {
    await using stack = new AsyncDisposableStack()
    if (config.databaseUrl === undefined) await requireDatabase(config.dataDir)
    const { connectionString, release } = await reachDatabase(config, createLogger(config.log))
    stack.defer(release)
    const source = {
      databaseUrl: connectionString,
      dataDir: config.dataDir,
      git: stack.use(openRepositories(config)),
      givenKeys: config,
      version,
      knownMigrations: await migrationNames(),
    }
    return await takeBackup(source, options)
  }

export interface RestorePlace extends AsyncDisposable {
  restore(options: RestoreOptions): Promise<readonly string[]>
  /** Gives what looks through all that was restored. */
  check<Result>(use: (check: FsckOptions['check']) => Promise<Result>): Promise<Result>
}

/** What the configuration leads to, as a place to restore into; an embedded database is made, and runs until the end. */
export const restorePlace = (config: Config): RestorePlace => {
  const stack = new AsyncDisposableStack()
  const log = createLogger(config.log)
  let databaseUrl: string | undefined
  return {
    restore(options) {
      const target = {
        dataDir: config.dataDir,
        givenKeys: config,
        git: () => openRepositories(config),
        migrate,
        async databaseUrl() {
          const { connectionString, release } = await reachDatabase(config, log)
          stack.defer(release)
          // What an interrupted restore has left there is in nobody's way here.
          await awaitDatabase(connectionString, true, { log, signal: options.signal }).catch((error: unknown) => {
            if (!(error instanceof UnfinishedRestoreError)) throw error
          })
          databaseUrl = connectionString
          return connectionString
        },
      }
      return restoreBackup(target, options)
    },
    async check(use) {
      await using stores = await openStores({ ...config, databaseUrl }, log)
      return await use((what) => fsckProjects(stores, what))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
