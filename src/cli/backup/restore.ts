import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { unpackBackup } from '../../adapters/backup/backup-archive.ts'
import { RestoreOutcomeError } from '../../adapters/backup/commit-restore.ts'
import type { Manifest } from '../../adapters/backup/manifest.ts'
import { RestoreRefusedError, readManifest, verifyBackup } from '../../adapters/backup/read-backup.ts'
import type { RestoreOptions } from '../../adapters/backup/restore-backup.ts'
import { type ExitCode, UsageError } from '../exit.ts'
import type { Output } from '../output.ts'
import { plural } from '../render/amounts.ts'
import { visibleLine } from '../render/visible-text.ts'
import { createProgress } from './progress.ts'

export interface RestoreCommand {
  readonly output: Output
  readonly signal: AbortSignal
  /** A backup: its directory or its file. */
  readonly path: string
  readonly dataDir: string
  readonly knownMigrations: readonly string[]
  /** @returns what a person has to see to */
  readonly restore: (options: RestoreOptions) => Promise<readonly string[]>
  /** Looks at what was restored. */
  readonly check: () => Promise<ExitCode>
}

/**
 * Gives a backup's directory, the one that is named or one that its file is unpacked into for as long as `use` runs, with
 * what it says of itself.
 */
const withDirectory = async <Result>(
  { path, dataDir, knownMigrations, signal }: RestoreCommand,
  progress: (words: string) => void,
  use: (directory: string, manifest: Manifest) => Promise<Result>,
): Promise<Result> => {
  const place = resolve(path)
  const found = await stat(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    throw new UsageError(`There is no backup ${visibleLine(place)}.`)
  })
  if (found.isDirectory()) return await use(place, await readManifest(place, knownMigrations))
  // Beside what is made of it: there has to be room for that.
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  const unpacked = await mkdtemp(join(dataDir, '.unpacked-'))
  try {
    progress('unpacking')
    return await use(unpacked, await unpackBackup(place, unpacked, knownMigrations, signal))
  } finally {
    await rm(unpacked, { recursive: true, force: true })
  }
}

/**
 * Restores a backup into an empty place, and then looks whether all of it is sound.
 * @throws UsageError when it cannot be restored there, or not by this version; Error when it is damaged: then nothing is
 *   changed; RestoreOutcomeError, also when it was told to end
 */
export const restore = async (command: RestoreCommand): Promise<ExitCode> => {
  const { output, signal } = command
  const progress = createProgress(output)
  try {
    await withDirectory(command, progress, async (directory, manifest) => {
      progress('comparing every file with its SHA-256')
      await verifyBackup(directory, manifest, signal)
      const notices = await command.restore({ directory, manifest, signal, progress })
      const { at, version, tables, repositories } = manifest
      const rows = tables.reduce((sum, table) => sum + table.rows, 0)
      output.json({ type: 'restored', at, version, rows, repositories: repositories.length, notices })
      if (!output.quiet) {
        const what = `${plural(rows, 'row')} and ${plural(repositories.length, 'repository', 'repositories')}`
        output.print(`${what} of ${at} restored, from a backup by version ${visibleLine(version)}.`)
      }
      for (const notice of notices) output.warn(visibleLine(notice))
    })
  } catch (error) {
    // What was broken off says so in many ways. What cannot be broken off any more has to be heard.
    if (!(error instanceof RestoreOutcomeError)) signal.throwIfAborted()
    throw error instanceof RestoreRefusedError ? new UsageError(error.message, { cause: error }) : error
  }
  return await command.check()
}
