import { createHash } from 'node:crypto'
import { createReadStream, type Stats } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'

/** A file as it must be on the disk. */
export interface ExpectedFile {
  readonly path: string
  readonly pathBytes: Buffer
  /** 100644, 100755, or 120000 for a symbolic link, whose content is its target. */
  readonly mode: string
  readonly sha256: string
}

const hashOf = async (path: Buffer, isLink: boolean): Promise<string> => {
  const hash = createHash('sha256')
  if (isLink) hash.update(await readlink(path, { encoding: 'buffer' }))
  else for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}

const found = async (path: Buffer): Promise<Stats | null> => {
  try {
    return await lstat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return null
  }
}

/** What is wrong with a file on disk; null when it is the entry's. */
const faultOf = async (path: Buffer, stats: Stats, entry: ExpectedFile): Promise<string | null> => {
  const isLink = entry.mode === '120000'
  if (isLink ? !stats.isSymbolicLink() : !stats.isFile()) return 'is another kind of file'
  if (!isLink && ((stats.mode & 0o100) !== 0) !== (entry.mode === '100755')) return 'has another mode'
  const sha256 = await hashOf(path, isLink)
  return sha256 === entry.sha256 ? null : `has the SHA-256 ${sha256}, and ${entry.sha256} in the manifest`
}

/**
 * Reads every file again from the disk and compares it with the manifest.
 * @returns the symbolic links that are not there
 * @throws Error that names the first file that differs
 * @throws the signal's reason when it is aborted
 */
export const verifyFiles = async (
  directory: string,
  entries: readonly ExpectedFile[],
  signal: AbortSignal,
): Promise<string[]> => {
  const missingLinks: string[] = []
  for (const entry of entries) {
    signal.throwIfAborted()
    const path = Buffer.concat([Buffer.from(`${directory}/`), entry.pathBytes])
    const stats = await found(path)
    if (stats === null && entry.mode === '120000') {
      missingLinks.push(entry.path)
      continue
    }
    const fault = stats === null ? 'was not written' : await faultOf(path, stats, entry)
    if (fault !== null) throw new Error(`The version is damaged: ${JSON.stringify(entry.path)} ${fault}.`)
  }
  return missingLinks
}
