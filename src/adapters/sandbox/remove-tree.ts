import { chmod, lstat, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises'

/** Below PATH_MAX, with room for one more name. */
const LONGEST_PATH = 3_500

/**
 * Removes a directory that untrusted commands have written, whatever permissions, names and depth it has.
 * Links are removed, never followed. No process may be writing in it any more.
 */
export async function removeTree(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true })
    if (!(await exists(directory))) return
  } catch {
    // A trap was left in it: the slow way opens each directory first.
  }
  await empty(Buffer.from(directory), { top: Buffer.from(directory), moved: 0 })
  await unlessGone(rmdir(directory))
}

/** Names are bytes: a file name need not be UTF-8. */
async function empty(directory: Buffer, state: { readonly top: Buffer; moved: number }): Promise<void> {
  await unlessGone(chmod(directory, 0o700))
  for (;;) {
    const entries = await unlessGone(readdir(directory, { withFileTypes: true, encoding: 'buffer' }))
    if (entries === null || entries.length === 0) return
    for (const entry of entries) {
      const path = join(directory, entry.name)
      if (!entry.isDirectory()) {
        await unlessGone(unlink(path))
      } else if (path.length > LONGEST_PATH) {
        // Found again at the top, where its own path is short. Moving a directory needs the right to write into it.
        await unlessGone(chmod(path, 0o700))
        await unlessGone(rename(path, join(state.top, Buffer.from(`.deep-${state.moved++}`))))
      } else {
        await empty(path, state)
        await unlessGone(rmdir(path))
      }
    }
  }
}

/** The quick way goes on with what it had begun after it has failed, and so may be faster here and there. */
async function unlessGone<T>(work: Promise<T>): Promise<T | null> {
  return work.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}

function join(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name])
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
}
