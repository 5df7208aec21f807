/** Files of a backup: written through to the disk, and known by their SHA-256. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { StoredFile } from './manifest.ts'

/** A file of a backup is not as the backup's manifest says. */
export class DamagedBackupError extends Error {
  override readonly name = 'DamagedBackupError'
}

/** @returns what was written, which is on the disk by then; when that fails there is no such file */
export const storeFile = async (
  root: string,
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<StoredFile> => {
  const place = join(root, path)
  await mkdir(dirname(place), { recursive: true, mode: 0o700 })
  const hash = createHash('sha256')
  let bytes = 0
  await using file = await open(place, 'wx', 0o600)
  try {
    for await (const chunk of content) {
      hash.update(chunk)
      bytes += chunk.length
      await file.appendFile(chunk)
    }
    await file.sync()
  } catch (error) {
    await rm(place, { force: true })
    throw error
  }
  return { path, bytes, sha256: hash.digest('hex') }
}

/** Has the names in a directory survive a loss of power. */
export const syncDirectory = async (directory: string): Promise<void> => {
  await using handle = await open(directory)
  await handle.sync()
}

/** @throws DamagedBackupError; the signal's reason */
export const verifyFile = async (
  root: string,
  { path, bytes, sha256 }: StoredFile,
  signal: AbortSignal,
): Promise<void> => {
  const found = await stat(join(root, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new DamagedBackupError(`The backup is damaged: its file ${path} is missing.`)
    throw error
  })
  if (found.size !== bytes) {
    throw new DamagedBackupError(`The backup is damaged: ${path} has ${found.size} bytes in place of ${bytes}.`)
  }
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(join(root, path), { signal })) hash.update(chunk)
  const now = hash.digest('hex')
  if (now === sha256) return
  throw new DamagedBackupError(`The backup is damaged: ${path} has the SHA-256 ${now}, and ${sha256} in the manifest.`)
}
