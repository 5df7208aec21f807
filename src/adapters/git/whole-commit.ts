/** Whether everything that a commit's tree holds is there, and is what it is named by. */

import { contentHashes, type ReadBlobs } from './change-digest.ts'
import { isTree, kindOfMode } from './git-objects.ts'
import { type Repository, readTree } from './repository.ts'

/**
 * Reads every directory and every file below a tree; each once, however often it is there.
 * @param repository compares what it reads with its name
 * @returns how many objects there are
 * @throws DamagedObjectError, MissingObjectError, GitCommandError
 */
export async function checkWholeTree(repository: Repository, readBlobs: ReadBlobs, tree: string): Promise<number> {
  const trees = new Set([tree])
  const blobs = new Set<string>()
  // What is added while it is walked is walked as well.
  for (const id of trees) {
    for (const entry of await readTree(repository, id)) {
      if (isTree(entry)) trees.add(entry.id)
      else if (kindOfMode(entry.mode) === 'blob') blobs.add(entry.id)
    }
  }
  await contentHashes(repository.hash, readBlobs, [...blobs])
  return trees.size + blobs.size
}
