/** A backup that was found: what it says of itself, and whether all of it is there as it was written. */

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DamagedBackupError, verifyFile } from './files.ts'
import {
  anyManifestShape,
  formatVersion,
  type Manifest,
  manifestFile,
  manifestShape,
  maxManifestBytes,
  packFile,
  refsFile,
  tableFile,
} from './manifest.ts'

/** A backup cannot be restored like this: by this version, or into this place. */
export class RestoreRefusedError extends Error {
  override readonly name = 'RestoreRefusedError'
}

/** @throws DamagedBackupError */
export const requireManifestSize = (bytes: number): void => {
  if (bytes <= maxManifestBytes) return
  throw new DamagedBackupError(
    `The backup is damaged: ${manifestFile} has ${bytes} bytes, and may have ${maxManifestBytes}.`,
  )
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new DamagedBackupError(`The backup is damaged: ${manifestFile} is no JSON.`, { cause: error })
  }
}

/**
 * Reads a manifest.
 * @param knownMigrations of this program
 * @throws RestoreRefusedError for no backup at all, or one of a later version; DamagedBackupError
 */
export const readManifest = async (directory: string, knownMigrations: readonly string[]): Promise<Manifest> => {
  const file = join(directory, manifestFile)
  const { size } = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new RestoreRefusedError(`${directory} is no backup: it has no ${manifestFile}.`)
  })
  requireManifestSize(size)
  const json = parse(await readFile(file, 'utf8'))
  const any = anyManifestShape.safeParse(json)
  if (!any.success) throw new DamagedBackupError(`The backup is damaged: ${manifestFile} says no format and version.`)
  const { format, version } = any.data
  const remedy = `It was made by version ${version}: restore it with that version, or a later one.`
  if (format > formatVersion) throw new RestoreRefusedError(`The backup has the later format ${format}. ${remedy}`)
  const read = manifestShape.safeParse(json)
  if (!read.success) {
    const where = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
    throw new DamagedBackupError(`The backup is damaged: ${manifestFile} is not as it must be: ${where}`)
  }
  const unknown = read.data.migrations.find((name) => !knownMigrations.includes(name))
  if (unknown !== undefined) {
    throw new RestoreRefusedError(`The backup is of a later version, with the migration ${unknown}. ${remedy}`)
  }
  return read.data
}

/** Reads every file. @throws DamagedBackupError that names the first that is not as it was written */
export const verifyBackup = async (directory: string, manifest: Manifest, signal: AbortSignal): Promise<void> => {
  const { files, tables, repositories } = manifest
  const listed = new Set(files.map(({ path }) => path))
  const needed = [
    ...tables.map(({ name }) => tableFile(name)),
    ...repositories.flatMap(({ projectId }) => [packFile(projectId), refsFile(projectId)]),
  ]
  const missing = needed.find((path) => !listed.has(path))
  if (missing !== undefined)
    throw new DamagedBackupError(`The backup is damaged: its manifest does not list ${missing}.`)
  for (const file of files) await verifyFile(directory, file, signal)
}
