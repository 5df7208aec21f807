/** A backup's directory as one tar.gz, and back. */

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { type ArchivedFile, writeArchive } from '../archives/write-archive.ts'
import { DamagedBackupError, storeFile } from './files.ts'
import { isBackupFile, type Manifest, manifestFile } from './manifest.ts'

async function* filesOf(directory: string, { files }: Manifest): AsyncGenerator<ArchivedFile> {
  // What says what the others must be comes first.
  for (const path of [manifestFile, ...files.map((file) => file.path)]) {
    const file = join(directory, path)
    const { size } = await stat(file)
    yield { path, mode: '100600', size, content: createReadStream(file) }
  }
}

/** @param parent an existing directory @returns when the file is on the disk */
export const packBackup = async (
  directory: string,
  manifest: Manifest,
  parent: string,
  name: string,
  signal: AbortSignal,
): Promise<void> => {
  async function* bytes() {
    for await (const chunk of writeArchive(filesOf(directory, manifest))) {
      signal.throwIfAborted()
      yield chunk
    }
  }
  await storeFile(parent, name, bytes())
}

/**
 * Only files with names that a backup has are taken.
 * @throws DamagedBackupError
 */
export const unpackBackup = async (archive: string, directory: string, signal: AbortSignal): Promise<void> => {
  const entries = extract()
  const reading = pipeline(createReadStream(archive), createGunzip(), entries, { signal })
  reading.catch(() => {})
  try {
    for await (const entry of entries) {
      const { name, type } = entry.header
      if (type !== 'file' || !isBackupFile(name)) {
        throw new DamagedBackupError(`The backup is damaged: ${JSON.stringify(name)} is no file of a backup.`)
      }
      await storeFile(directory, name, entry as AsyncIterable<Uint8Array>)
    }
    await reading
  } catch (error) {
    entries.destroy()
    signal.throwIfAborted()
    if (error instanceof DamagedBackupError || isOfSystem(error)) throw error
    throw new DamagedBackupError(`The backup is damaged: ${(error as Error).message}`, { cause: error })
  }
}

/** Of the disk that is written to, such as a full one. */
const isOfSystem = (error: unknown): boolean => (error as NodeJS.ErrnoException).syscall !== undefined
