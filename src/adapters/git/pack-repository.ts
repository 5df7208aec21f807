/** A repository packed and pruned while others read from it and write to it. */

import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clutter, PackOptions } from '../../domain/ports/repository-care.ts'
import type { GitConfiguration } from './git-environment.ts'
import { removeLeftovers } from './leftovers.ts'
import type { Repository } from './repository.ts'

/** One core and bounded memory: the server works beside it. A bitmap pays for clones, which nobody makes here. */
const configuration: GitConfiguration = [
  ['pack.threads', '1'],
  ['pack.windowMemory', '128m'],
  ['repack.writeBitmaps', 'false'],
]

/** Directories of loose objects are named after the first byte; ids are even, so one tells of all. */
const sampledDirectory = '17'
const directories = 256

/**
 * An object that nothing reaches goes in two passes. The first moves it into git's cruft pack as if it had been written
 * at that moment; a later one drops what has been there for long. In one pass it could be lost to somebody who writes
 * it again meanwhile: git then only touches the pack that is about to be deleted, but of what is in the cruft pack it
 * writes a new copy.
 *
 * Of two that pack at once each would take what the other is writing for safe, and remove the only copy there is: what
 * removes anything is alone.
 * @throws GitCommandError, RepositoryBusyError when somebody else packs, the signal's reason
 */
export async function packRepository(
  repository: Repository,
  { expireBefore, timeoutMs, signal }: PackOptions,
): Promise<void> {
  const git = (...args: string[]) => repository.git({ args, configuration, timeoutMs, signal, isAlone: true })
  const expiry = expireBefore.toISOString()
  await removeLeftovers(repository.directory)
  // Not to be stopped: it is short, and its lock would keep others from releasing references.
  await repository.git({ args: ['pack-refs', '--all', '--prune'], timeoutMs })
  await touchPacks(repository.directory)
  await git('repack', '-d', '--quiet', '--cruft', `--cruft-expiration=${expiry}`)
  await git('prune', `--expire=${expiry}`)
  // After the pruning: a graph that names commits which are gone is a fault to `git fsck`.
  await git('commit-graph', 'write', '--reachable', '--no-progress')
}

async function touchPacks(repository: string): Promise<void> {
  const directory = join(repository, 'objects', 'pack')
  const names = new Set(await readdir(directory))
  const now = new Date()
  for (const name of names) {
    if (!name.endsWith('.pack') || names.has(name.replace(/\.pack$/, '.mtimes'))) continue
    try {
      await utimes(join(directory, name), now, now)
    } catch (error) {
      // Somebody else packs, and will be met below.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

export async function clutterOf(repository: string): Promise<Clutter> {
  const sample = await namesIn(join(repository, 'objects', sampledDirectory))
  const packs = await namesIn(join(repository, 'objects', 'pack'))
  return { looseObjects: sample.length * directories, packs: packs.filter((name) => name.endsWith('.pack')).length }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    // The directory is made with its first object.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
