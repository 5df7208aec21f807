import { randomUUID } from 'node:crypto'
import { rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, faulty, well } from './component.ts'

const gibibyte = 1024 ** 3
/** What the repositories and whatever is at work on them need, in bytes. */
export const neededBytes = gibibyte / 2

/**
 * Writes a file into a directory and takes it away again: permissions alone do not say whether that can be done.
 * @throws Error with the system's words
 */
export const tryWriting = async (directory: string): Promise<void> => {
  const file = join(directory, `.countersign-${randomUUID()}`)
  try {
    await writeFile(file, 'Written to see whether this can be done.\n', { flag: 'wx', mode: 0o600 })
  } finally {
    await rm(file, { force: true })
  }
}

/** How much room there is for a directory, in bytes. */
export const freeBytes = async (directory: string): Promise<number> => {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

export const inGibibytes = (bytes: number): string => `${(bytes / gibibyte).toFixed(1)} GiB`

/** Whether the data directory can be written and has room. */
export const lookAtStorage = async (dataDir: string): Promise<Finding> => {
  try {
    await tryWriting(dataDir)
  } catch (error) {
    // Without the path, which is nobody's business but that of who runs the server.
    return faulty(`The data directory cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`)
  }
  const free = await freeBytes(dataDir)
  if (free >= neededBytes) return well(`${inGibibytes(free)} free`)
  return { ...faulty(`The data directory has ${inGibibytes(free)} left.`), isNeeded: false }
}
