import type { Config } from '../config.ts'
import { type ExitCode, exitCodes, UsageError } from './exit.ts'
import type { Output } from './output.ts'
import { plural } from './render/amounts.ts'
import { visibleLine } from './render/visible-text.ts'

export interface MigrateOptions {
  readonly config: Config
  readonly output: Output
  readonly migrate: (databaseUrl: string) => Promise<readonly string[]>
}

/**
 * Brings the configured database to the newest migration.
 * @throws UsageError without DATABASE_URL
 */
export const migrateDatabase = async ({ config, output, migrate }: MigrateOptions): Promise<ExitCode> => {
  if (config.databaseUrl === undefined) {
    throw new UsageError(
      'migrate needs DATABASE_URL. The embedded database is migrated by the process that starts it, such as npm start.',
    )
  }
  const done = await migrate(config.databaseUrl)
  output.json({ type: 'migrated', migrations: done })
  if (output.quiet) return exitCodes.ok
  output.print(
    done.length === 0
      ? 'The database is up to date.'
      : [`${plural(done.length, 'migration')} run:`, ...done.map((name) => `  ${visibleLine(name)}`)].join('\n'),
  )
  return exitCodes.ok
}
