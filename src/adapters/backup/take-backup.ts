/** A backup of everything that cannot be made again, as one directory. */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitStore } from '../../domain/ports/git-store.ts'
import { requireNoRestore } from '../db/restoring.ts'
import type { BackupOptions } from './backup-options.ts'
import { connect } from './catalog.ts'
import { copyProjects } from './copy-projects.ts'
import { dumpDatabase, holdMaintenance, letMaintenanceGo } from './dump-database.ts'
import { storeFile, syncDirectory } from './files.ts'
import { copyKeys, type GivenKeys } from './keys.ts'
import { formatVersion, type Manifest, manifestFile } from './manifest.ts'

export interface BackupSource {
  readonly databaseUrl: string
  readonly dataDir: string
  readonly git: Pick<GitStore, 'copyOut' | 'objectKind' | 'directory'>
  readonly givenKeys: GivenKeys
  /** Of this program. */
  readonly version: string
  readonly knownMigrations: readonly string[]
}

/**
 * Fills a directory while the server works. First all rows as of one moment, then the repositories: what rows name was
 * in them before, and is not removed before the backup has ended.
 * @throws Error when something cannot be read; UnfinishedRestoreError; the signal's reason
 */
export const takeBackup = async (source: BackupSource, options: BackupOptions): Promise<Manifest> => {
  const { directory } = options
  await using stack = new AsyncDisposableStack()
  const client = await connect(source.databaseUrl, options.signal)
  stack.defer(() => client.end())
  await requireNoRestore(client)
  await holdMaintenance(client, options)
  const { projects, files, ...dump } = await dumpDatabase(client, source.knownMigrations, options)
  options.progress(`${dump.tables.length} tables, ${dump.tables.reduce((sum, { rows }) => sum + rows, 0)} rows`)
  const copied = await copyProjects(source.git, source.dataDir, projects, options)
  await letMaintenanceGo(client)
  const secrets = await copyKeys(source.dataDir, source.givenKeys, options)
  const manifest: Manifest = {
    format: formatVersion,
    version: source.version,
    ...dump,
    repositories: copied.repositories,
    keys: secrets.keys,
    files: [...files, ...copied.files, ...secrets.files],
  }
  // Last: a directory without it is no backup.
  await storeFile(directory, manifestFile, [Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)])
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncDirectory(join(directory, entry.name))
  }
  await syncDirectory(directory)
  return manifest
}
