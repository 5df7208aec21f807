/** A backup's directory as one tar.gz, and back. */

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { type ArchivedFile, writeArchive } from '../archives/write-archive.ts'
import { DamagedBackupError, storeFile } from './files.ts'
import { type Manifest, manifestFile, maxManifestBytes } from './manifest.ts'
import { RestoreRefusedError, readManifest, requireManifestSize } from './read-backup.ts'

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

/** In bytes: headers of a file, with what fills its last block; and what may stand at an archive's end. */
const aroundFile = 2_048
const aroundArchive = 1_048_576

/** Of a name that may be anything. */
const shownLetters = 200

const damaged = (name: string, words: string) =>
  new DamagedBackupError(`The backup is damaged: ${JSON.stringify(name.slice(0, shownLetters))} ${words}.`)

/**
 * Takes the manifest, which comes first, and then the files that it lists, each of them once: whatever else there is in
 * it, no more than that is read or written.
 * @param knownMigrations of this program
 * @throws DamagedBackupError; RestoreRefusedError for a backup of a later version
 */
export const unpackBackup = async (
  archive: string,
  directory: string,
  knownMigrations: readonly string[],
  signal: AbortSignal,
): Promise<Manifest> => {
  let mostBytes = maxManifestBytes + aroundArchive
  async function* bounded(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const chunk of content) {
      bytes += chunk.length
      if (bytes > mostBytes) throw new DamagedBackupError('The backup is damaged: it has more in it than it lists.')
      yield chunk
    }
  }
  const entries = extract()
  const reading = pipeline(createReadStream(archive), createGunzip(), bounded, entries, { signal })
  reading.catch(() => {})
  try {
    let manifest: Manifest | undefined
    const awaited = new Map<string, number>()
    for await (const entry of entries) {
      const { name, type, size } = entry.header
      const content = entry as AsyncIterable<Uint8Array>
      if (manifest === undefined) {
        if (type !== 'file' || name !== manifestFile) throw damaged(name, `is where ${manifestFile} must be`)
        requireManifestSize(size)
        await storeFile(directory, name, content)
        manifest = await readManifest(directory, knownMigrations)
        mostBytes = size + aroundArchive
        for (const { path, bytes } of manifest.files) {
          awaited.set(path, bytes)
          mostBytes += bytes + aroundFile
        }
        continue
      }
      const most = awaited.get(name)
      if (type !== 'file' || most === undefined) throw damaged(name, 'is not listed in its manifest, or is there twice')
      if (size > most) throw damaged(name, `has ${size} bytes in place of ${most}`)
      awaited.delete(name)
      await storeFile(directory, name, content)
    }
    await reading
    if (manifest === undefined) throw new DamagedBackupError('The backup is damaged: there is nothing in it.')
    return manifest
  } catch (error) {
    entries.destroy()
    signal.throwIfAborted()
    if (error instanceof DamagedBackupError || error instanceof RestoreRefusedError || isOfSystem(error)) throw error
    throw new DamagedBackupError(`The backup is damaged: ${(error as Error).message}`, { cause: error })
  }
}

/** Of the disk that is written to, such as a full one. */
const isOfSystem = (error: unknown): boolean => (error as NodeJS.ErrnoException).syscall !== undefined
