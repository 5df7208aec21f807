/** A backup put into an empty place, all of it or nothing. */

import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import type { GitStore } from '../../domain/ports/git-store.ts'
import { readRestoring, restoreLock } from '../db/restoring.ts'
import { connect } from './catalog.ts'
import { commitRestore, RestoreOutcomeError } from './commit-restore.ts'
import { syncDirectory } from './files.ts'
import type { GivenKeys } from './keys.ts'
import { loadDatabase, requireRestorable, unloadDatabase } from './load-database.ts'
import type { Manifest } from './manifest.ts'
import { RestoreRefusedError } from './read-backup.ts'
import {
  checkKeys,
  draftRepositories,
  filesToPlace,
  placeFiles,
  placeRepositories,
  repositoriesIn,
} from './restore-files.ts'
import {
  endRestore,
  type RestoringFile,
  readRestoringFile,
  removeTraces,
  restoringFile,
  writeRestoringFile,
} from './restoring-file.ts'
import { putTablesAside, putTablesBack, removeTablesAside } from './tables-aside.ts'

export interface RestoreTarget {
  readonly dataDir: string
  readonly givenKeys: GivenKeys
  /** Where the rows go; only called when the rest is known to be well. */
  readonly databaseUrl: () => Promise<string>
  readonly git: () => GitStore
  /** Brings a database to these migrations, or to all there are. */
  readonly migrate: (databaseUrl: string, options?: { readonly upTo: readonly string[] }) => Promise<unknown>
  /** How long to ask the database what became of a commit whose answer was lost, in milliseconds. */
  readonly patienceMs?: number
}

export interface RestoreOptions {
  /** A backup that was verified. */
  readonly directory: string
  readonly manifest: Manifest
  readonly signal: AbortSignal
  readonly progress: (words: string) => void
}

/** @param interrupted a restore whose rows nobody has seen: they are its own */
const requireNoRepositories = async (dataDir: string, interrupted: RestoringFile | null): Promise<void> => {
  const { length } = await repositoriesIn(dataDir)
  if (length === 0 || interrupted !== null) return
  throw new RestoreRefusedError(
    `${dataDir} is not empty: it has the repositories of ${length} projects. Set DATA_DIR to a new directory.`,
  )
}

/** PostgreSQL's code for a lock that was not got in time. */
const lockTimeout = '55P03'

/** One restore into a database at a time, for as long as the connection lasts. That of a killed one ends in a moment. */
const beAlone = async (client: pg.Client): Promise<void> => {
  try {
    await client.query(`set lock_timeout = '3s'; select pg_advisory_lock(${restoreLock})`)
  } catch (cause) {
    if ((cause as pg.DatabaseError).code !== lockTimeout) throw cause
    throw new RestoreRefusedError('Another restore into this database is under way: wait for its end.', { cause })
  }
  await client.query('set lock_timeout = 0')
}

/** Looks whether the place is free, and takes away what an interrupted restore has left there. */
const clearPlace = async (client: pg.Client, manifest: Manifest, dataDir: string): Promise<void> => {
  const [inDatabase, inDirectory] = [await readRestoring(client), await readRestoringFile(dataDir)]
  if (inDirectory?.id === '') {
    throw new RestoreRefusedError(
      `A restore into ${dataDir} was killed as it began, or is just beginning. If none is under way, remove the empty file ${restoringFile(dataDir)}, and run this one again.`,
    )
  }
  if (inDirectory !== null && inDirectory.id !== inDatabase?.id) {
    throw new RestoreRefusedError(
      `${dataDir} is not empty: a restore into another database was interrupted there, and what it left may be in use. Set DATA_DIR to a new directory.`,
    )
  }
  if (inDirectory !== null && inDatabase?.isComplete === true) {
    await removeTraces(client, dataDir, inDirectory.id)
    throw new RestoreRefusedError(
      `An earlier restore into ${dataDir} and this database, whose end nobody saw, is complete. What is left to do: \`countersign migrate\`, where the database is a server's, and \`countersign fsck\`.`,
    )
  }
  await requireRestorable(client, manifest)
  if (inDatabase === null) return
  // The file goes after what it speaks of, and before what is proof that nobody has seen that.
  if (inDirectory !== null) {
    for (const path of ['repositories', ...inDirectory.files]) {
      await rm(join(dataDir, path), { recursive: true, force: true })
    }
    await syncDirectory(dataDir)
    await rm(restoringFile(dataDir), { force: true })
    await syncDirectory(dataDir)
  }
  await removeTablesAside(client)
}

/** Aborted when the connection is lost, and with it the lock: another restore may have begun in the same place. */
const lossOf = (client: pg.Client): AbortSignal => {
  const lost = new AbortController()
  client.once('end', () => lost.abort(new Error('The connection to the database was lost. Run the restore again.')))
  return lost.signal
}

/** What is left to do when the rows are in their place. */
const finish = async (databaseUrl: string, { dataDir, migrate }: RestoreTarget): Promise<void> => {
  await endRestore(databaseUrl, dataDir)
  await migrate(databaseUrl)
  const client = await connect(databaseUrl)
  try {
    await client.query('analyze')
  } finally {
    await client.end()
  }
}

/**
 * Restores a verified backup. Rows are loaded where nobody sees them, and are put into their place last, in one short
 * transaction, when all else is in its own; when anything fails before, what was put there is removed again.
 * @returns what a person has to see to
 * @throws RestoreRefusedError when the place is not empty, or its keys are others; RestoreOutcomeError when the rows are
 *   in their place, or the database did not say any more whether they are: then nothing is removed; Error
 */
export const restoreBackup = async (target: RestoreTarget, given: RestoreOptions): Promise<readonly string[]> => {
  const { dataDir, givenKeys } = target
  const { directory, manifest, progress } = given
  const interrupted = await readRestoringFile(dataDir)
  await requireNoRepositories(dataDir, interrupted)
  const notices = await checkKeys(dataDir, givenKeys, manifest, interrupted?.files ?? [])
  // As the server makes it: the database's own user passes through.
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  const databaseUrl = await target.databaseUrl()
  await using stack = new AsyncDisposableStack()
  const client = await connect(databaseUrl)
  stack.defer(() => client.end())
  const signal = AbortSignal.any([given.signal, lossOf(client)])
  const options = { ...given, signal }
  await beAlone(client)
  await clearPlace(client, manifest, dataDir)
  await target.migrate(databaseUrl, { upTo: manifest.migrations })

  const id = randomUUID()
  await using undo = new AsyncDisposableStack()
  const placed = (path: string) =>
    undo.defer(async () => {
      // Files of another restore, which has begun since the connection was lost, stay.
      if ((await readRestoringFile(dataDir))?.id === id) await rm(path, { recursive: true, force: true })
    })
  undo.defer(async () => {
    await client.end()
    await unloadDatabase(databaseUrl, id).catch((error: unknown) => {
      progress(`what was loaded is still in the database, for the next restore to remove: ${(error as Error).message}`)
    })
  })
  const aside = await putTablesAside(client, id, manifest)
  const places = await filesToPlace(dataDir, manifest)
  await writeRestoringFile(dataDir, { id, files: [...places.values()] })
  placed(restoringFile(dataDir))
  await syncDirectory(dataDir)
  const git = target.git()
  stack.use(git)
  const drafts = new Map<string, string>()
  undo.defer(async () => {
    for (const draft of drafts.values()) await git.remove(draft)
  })
  await draftRepositories(git, directory, manifest, drafts, options)
  await loadDatabase(client, directory, manifest, aside, options)
  await placeRepositories(git, drafts, placed, options)
  if (drafts.size > 0) await syncDirectory(join(dataDir, 'repositories'))
  await placeFiles(directory, dataDir, places, placed, options)
  await putTablesBack(client, aside)
  signal.throwIfAborted()
  // From here on perhaps all is there: nothing is taken back unless it is known that it is not.
  const undoing = undo.move()
  const failure = await commitRestore(client, {
    databaseUrl,
    id,
    signal: given.signal,
    patienceMs: target.patienceMs,
  })
  if (failure !== null) {
    await undoing.disposeAsync()
    throw failure
  }
  progress('bringing it to the newest migration')
  await finish(databaseUrl, target).catch((cause: unknown) => {
    throw new RestoreOutcomeError('The backup is restored, and something is left to do: run `countersign migrate`.', {
      cause,
    })
  })
  return notices
}
