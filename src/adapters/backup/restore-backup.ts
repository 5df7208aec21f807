/** A backup put into an empty place, all of it or nothing. */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import type { GitStore } from '../../domain/ports/git-store.ts'
import { connect } from './catalog.ts'
import { syncDirectory } from './files.ts'
import type { GivenKeys } from './keys.ts'
import { loadDatabase, requireRestorable } from './load-database.ts'
import type { Manifest } from './manifest.ts'
import { RestoreRefusedError } from './read-backup.ts'
import { checkKeys, draftRepositories, placeSecrets, placeUploads, repositoriesIn } from './restore-files.ts'

export interface RestoreTarget {
  readonly dataDir: string
  readonly givenKeys: GivenKeys
  /** Where the rows go; only called when the rest is known to be well. */
  readonly databaseUrl: () => Promise<string>
  readonly git: () => GitStore
  /** Brings a database to these migrations, or to all there are. */
  readonly migrate: (databaseUrl: string, migrations?: readonly string[]) => Promise<unknown>
}

export interface RestoreOptions {
  /** A backup that was verified. */
  readonly directory: string
  readonly manifest: Manifest
  readonly signal: AbortSignal
  readonly progress: (words: string) => void
}

/** Is in the data directory while a restore fills it. */
const mark = 'restoring'

/** Into which database an earlier restore was interrupted; null when none was. */
const interrupted = async (dataDir: string): Promise<string | null> => {
  try {
    return await readFile(join(dataDir, mark), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return null
  }
}

/** Tells a database from every other one. */
export const databaseMark = async (client: pg.Client): Promise<string> => {
  const { rows } = await client.query<{ mark: string }>(
    `select md5(system_identifier || '/' || current_database()) as mark from pg_control_system()`,
  )
  return rows[0]?.mark ?? ''
}

/** Of a restore into this very database nothing is there while its rows are not: what it left may be removed. */
const requireSameDatabase = async (client: pg.Client, dataDir: string): Promise<void> => {
  const into = await interrupted(dataDir)
  if (into === null || into === (await databaseMark(client))) return
  throw new RestoreRefusedError(
    `${dataDir} is not empty: a restore into another database was interrupted there, and what it left may be in use. Set DATA_DIR to a new directory.`,
  )
}

const requireNoRepositories = async (dataDir: string): Promise<void> => {
  const { length } = await repositoriesIn(dataDir)
  // Of an interrupted restore, whose rows were never stored.
  if (length === 0 || (await interrupted(dataDir)) !== null) return
  throw new RestoreRefusedError(
    `${dataDir} is not empty: it has the repositories of ${length} projects. Set DATA_DIR to a new directory.`,
  )
}

const requireNoRows = async (client: pg.Client, manifest: Manifest, dataDir: string): Promise<void> => {
  try {
    await requireRestorable(client, manifest)
  } catch (error) {
    if (!(error instanceof RestoreRefusedError) || (await interrupted(dataDir)) === null) throw error
    throw new RestoreRefusedError(
      `${error.message} An earlier restore into ${dataDir} was interrupted: if it was this database, it is complete, and \`countersign migrate\` and \`countersign fsck\` are what is left to do. Remove ${join(dataDir, mark)} then.`,
    )
  }
}

const takePlace = async (dataDir: string, databaseMark: string): Promise<void> => {
  for (const name of await repositoriesIn(dataDir)) {
    await rm(join(dataDir, 'repositories', name), { recursive: true, force: true })
  }
  await writeFile(join(dataDir, mark), databaseMark, { mode: 0o600 })
  await syncDirectory(dataDir)
}

/**
 * Restores a verified backup. The rows become visible last, in one transaction, when all else is in its place; when
 * anything fails before, what was put there is removed again.
 * @returns what a person has to see to
 * @throws RestoreRefusedError when the place is not empty, or its keys are others
 */
export const restoreBackup = async (target: RestoreTarget, options: RestoreOptions): Promise<readonly string[]> => {
  const { dataDir, givenKeys } = target
  const { directory, manifest, signal, progress } = options
  await requireNoRepositories(dataDir)
  const notices = await checkKeys(dataDir, givenKeys, manifest)
  // As the server makes it: the database's own user passes through.
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  const databaseUrl = await target.databaseUrl()
  await using stack = new AsyncDisposableStack()
  const client = await connect(databaseUrl)
  stack.defer(() => client.end())
  await requireNoRows(client, manifest, dataDir)
  await requireSameDatabase(client, dataDir)
  await takePlace(dataDir, await databaseMark(client))

  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(join(dataDir, mark), { force: true }))
  const git = target.git()
  stack.use(git)
  const drafts = new Map<string, string>()
  undo.defer(async () => {
    for (const draft of drafts.values()) await git.remove(draft)
  })
  await draftRepositories(git, directory, manifest, drafts, options)
  await target.migrate(databaseUrl, manifest.migrations)
  await loadDatabase(client, directory, manifest, options, async () => {
    for (const [projectId, draft] of drafts) {
      if (!(await git.publish(draft, projectId))) {
        throw new RestoreRefusedError(`Somebody else has made the repository of the project ${projectId}.`)
      }
      undo.defer(() => rm(git.directory(projectId), { recursive: true, force: true }))
    }
    if (drafts.size > 0) await syncDirectory(join(dataDir, 'repositories'))
    await placeUploads(directory, dataDir, manifest)
    const placed = await placeSecrets(directory, dataDir, manifest)
    undo.defer(async () => {
      for (const file of placed) await rm(file, { force: true })
    })
    signal.throwIfAborted()
  })
  // From here on it is there: nothing is taken back.
  undo.move()
  await rm(join(dataDir, mark), { force: true })
  progress('bringing it to the newest migration')
  await target.migrate(databaseUrl).catch((cause: unknown) => {
    throw new Error('The backup is restored, and lacks later migrations: run `countersign migrate`.', { cause })
  })
  await client.query('analyze')
  return notices
}
