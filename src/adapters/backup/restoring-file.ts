/** The file that a data directory has while a restore fills it, and after one that was broken off. */

import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { migrationLock } from '../db/migration-lock.ts'
import { readRestoring, restoringSchema, UnfinishedRestoreError } from '../db/restoring.ts'
import { connect } from './catalog.ts'
import { syncDirectory } from './files.ts'

export const restoringFile = (dataDir: string): string => join(dataDir, 'restoring')

/** Which restore it is of; null when there is none. The database that it goes into knows the same. */
export const readRestoringFile = async (dataDir: string): Promise<string | null> => {
  try {
    return await readFile(restoringFile(dataDir), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return null
  }
}

export const writeRestoringFile = async (dataDir: string, id: string): Promise<void> => {
  await writeFile(restoringFile(dataDir), id, { mode: 0o600 })
  await syncDirectory(dataDir)
}

/** Removes what a complete restore leaves: first the file, which without the schema would be of another database. */
export const removeTraces = async (client: pg.Client, dataDir: string): Promise<void> => {
  await rm(restoringFile(dataDir), { force: true })
  await syncDirectory(dataDir)
  // Several processes may have found it.
  await client.query(`select pg_advisory_xact_lock(${migrationLock}); drop schema if exists ${restoringSchema}`)
}

/**
 * Ends a restore into this place whose rows are in theirs, whoever saw that or did not. Each process looks before it
 * begins: without the file it asks the database nothing.
 * @throws UnfinishedRestoreError when a restore into the data directory is under way or was broken off
 */
export const endRestore = async (databaseUrl: string, dataDir: string): Promise<void> => {
  const id = await readRestoringFile(dataDir)
  if (id === null) return
  const client = await connect(databaseUrl)
  try {
    const found = await readRestoring(client)
    if (found?.id === id && found.isComplete) return await removeTraces(client, dataDir)
  } finally {
    await client.end()
  }
  throw new UnfinishedRestoreError(
    `A restore into ${dataDir} is under way, or was broken off. Wait for its end, or run \`countersign restore\` again with the same DATABASE_URL as then: it begins anew. To do without it, set DATA_DIR to another directory.`,
  )
}
