/** What processes that were killed leave in a repository: half-written packs and objects, and locks. */

import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { staleLockMs } from './refs.ts'

/** Longer than any import takes: its pack is written to all the while, which keeps it young. */
const stalePartMs = 3_600_000

const partial = /^(?:tmp_|\.tmp-)/

/** @returns the paths that were removed */
export async function removeLeftovers(repository: string): Promise<string[]> {
  const objects = join(repository, 'objects')
  const parts = [
    ...(await named(repository, (name) => name.startsWith('fast_import_crash_'))),
    ...(await named(objects, (name) => partial.test(name))),
  ]
  for (const directory of await readdir(objects)) {
    if (directory === 'pack' || /^[0-9a-f]{2}$/.test(directory)) {
      parts.push(...(await named(join(objects, directory), (name) => partial.test(name))))
    }
  }
  const isLock = (name: string) => name.endsWith('.lock')
  const locks = [
    ...(await named(repository, isLock)),
    ...(await named(join(repository, 'refs'), isLock, true)),
    ...(await named(join(objects, 'info'), isLock, true)),
  ]
  const removed: string[] = []
  for (const [paths, staleMs] of [[parts, stalePartMs] as const, [locks, staleLockMs] as const]) {
    for (const path of paths) if (await removeOlder(path, staleMs)) removed.push(path)
  }
  return removed
}

async function named(directory: string, matches: (name: string) => boolean, recursive = false): Promise<string[]> {
  try {
    const names = await readdir(directory, { recursive })
    return names.filter(matches).map((name) => join(directory, name))
  } catch (error) {
    // git removes directories that have become empty.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function removeOlder(path: string, staleMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  if (found === null || Date.now() - found.mtimeMs < staleMs) return false
  await rm(path, { recursive: true, force: true })
  return true
}
