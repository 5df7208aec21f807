/** The file that a data directory has while a restore fills it, and after one that was broken off. */

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { migrationLock } from '../db/migration-lock.ts'
import { readRestoring, restoringSchema, UnfinishedRestoreError } from '../db/restoring.ts'
import { connect } from './catalog.ts'
import { storeFile, syncDirectory } from './files.ts'
import { secretNames } from './manifest.ts'
import { RestoreRefusedError } from './read-backup.ts'

const name = 'restoring'

export const restoringFile = (dataDir: string): string => join(dataDir, name)

export interface RestoringFile {
  /** Which restore it is of; the database that it goes into knows the same. Empty when it was killed as it began. */
  readonly id: string
  /** What it puts there beside the repositories: paths below the data directory. */
  readonly files: readonly string[]
}

/** Nothing else is ever removed for being in the list. */
const isPlaced = (path: string): boolean =>
  (secretNames as readonly string[]).includes(path) || /^archives\/[0-9a-f-]{36}\.tar$/.test(path)

/** Null when there is none. */
export const readRestoringFile = async (dataDir: string): Promise<RestoringFile | null> => {
  try {
    const [id = '', ...paths] = (await readFile(restoringFile(dataDir), 'utf8')).split('\n')
    return { id, files: paths.filter(isPlaced) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return null
  }
}

/**
 * Its content is on the disk by then; its name is once the directory has been synced.
 * @throws RestoreRefusedError when there is one
 */
export const writeRestoringFile = async (dataDir: string, { id, files }: RestoringFile): Promise<void> => {
  try {
    await storeFile(dataDir, name, [Buffer.from([id, ...files].join('\n'))])
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new RestoreRefusedError(
      `Another restore into ${dataDir} has begun meanwhile, with another database. Wait for its end, or set DATA_DIR to another directory.`,
      { cause },
    )
  }
}

/**
 * Removes what a complete restore leaves: first the file, which without the schema would be of another database.
 * @param id of that restore; what another has begun meanwhile stays
 */
export const removeTraces = async (client: pg.Client, dataDir: string, id: string): Promise<void> => {
  if ((await readRestoringFile(dataDir))?.id === id) await rm(restoringFile(dataDir), { force: true })
  await syncDirectory(dataDir)
  // Several processes may have found it.
  await client.query('begin')
  await client.query(`select pg_advisory_xact_lock(${migrationLock})`)
  if ((await readRestoring(client))?.id === id) await client.query(`drop schema ${restoringSchema}`)
  await client.query('commit')
}

/**
 * Ends a restore into this place whose rows are in theirs, whoever saw that or did not. Each process looks before it
 * begins: without the file it asks the database nothing.
 * @throws UnfinishedRestoreError when a restore into the data directory is under way or was broken off
 */
export const endRestore = async (databaseUrl: string, dataDir: string): Promise<void> => {
  const file = await readRestoringFile(dataDir)
  if (file === null) return
  const client = await connect(databaseUrl)
  try {
    const found = await readRestoring(client)
    if (found?.id === file.id && found.isComplete) return await removeTraces(client, dataDir, file.id)
  } finally {
    await client.end()
  }
  // Another process may have ended it between the two looks.
  if ((await readRestoringFile(dataDir)) === null) return
  throw new UnfinishedRestoreError(
    `A restore into ${dataDir} is under way, or was broken off. Wait for its end, or run \`countersign restore\` again with the same DATABASE_URL as then: it begins anew. To do without it, set DATA_DIR to another directory.`,
  )
}
