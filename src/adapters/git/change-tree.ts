/** Files set or removed in a tree, by the same rules as a patch. */

import { PatchRejectedError } from '../../domain/errors.ts'
import type { TreeChange } from '../../domain/ports/git-store.ts'
import { conflictRejection, patchLimits } from './apply-patch.ts'
import { type NewObject, newObject, toByteName } from './git-objects.ts'
import { pathFault } from './patch-paths.ts'
import type { Repository } from './repository.ts'
import { createTreeLookup, type TreeLookup } from './tree-lookup.ts'
import { obstacleOf, rewriteTree, TreeConflictError, type TreeEdit } from './tree-rewrite.ts'
import { writeObjects } from './write-objects.ts'

/** @throws PatchRejectedError */
export async function changeTree(
  repository: Repository,
  tree: string,
  changes: readonly TreeChange[],
): Promise<string> {
  if (changes.length === 0) return tree
  const lookup = createTreeLookup(repository, tree)
  const blobs: NewObject[] = []
  const edits: TreeEdit[] = []
  const seen = new Set<string>()
  for (const change of changes) {
    const { path, content } = change
    if (seen.has(path)) throw new PatchRejectedError('MALFORMED', `${path.slice(0, 300)} is changed twice.`, { path })
    seen.add(path)
    const existingMode = await checkPlace(lookup, change)
    const names = path.split('/').map(toByteName)
    if (content === null) {
      edits.push({ names, entry: null })
      continue
    }
    const blob = newObject(repository.hash, 'blob', content)
    blobs.push(blob)
    const mode = change.mode ?? (existingMode === '100755' ? '100755' : '100644')
    edits.push({ names, entry: { mode, id: blob.id } })
  }
  try {
    const rewritten = await rewriteTree(repository, tree, edits)
    if (rewritten.tree !== tree) await writeObjects(repository, [...blobs, ...rewritten.objects])
    return rewritten.tree
  } catch (error) {
    if (error instanceof TreeConflictError) throw conflictRejection(error)
    throw error
  }
}

/** The mode of the file that is there, null when none is. */
async function checkPlace(lookup: TreeLookup, { path, content }: TreeChange): Promise<string | null> {
  const shown = path.slice(0, 300)
  const fault = pathFault(path, false)
  if (fault)
    throw new PatchRejectedError(fault.reason, `The path ${JSON.stringify(shown)} ${fault.words}.`, { path: shown })
  const { entry } = await lookup(path)
  const newFault = entry === null && content !== null ? pathFault(path, true) : null
  if (newFault)
    throw new PatchRejectedError(newFault.reason, `The path ${JSON.stringify(shown)} ${newFault.words}.`, { path })
  const obstacle = obstacleOf(entry ?? undefined)
  if (obstacle === 'submodule') throw new PatchRejectedError('UNSAFE_PATH', `${path} is a submodule.`, { path })
  if (obstacle === 'symlink' && content !== null) {
    throw new PatchRejectedError('SYMLINK', `${path} is a symbolic link, which may only be removed.`, { path })
  }
  if (content !== null && content.length > patchLimits.fileBytes) {
    throw new PatchRejectedError('TOO_LARGE', `${path} would be larger than ${patchLimits.fileBytes} bytes.`, { path })
  }
  return entry?.mode ?? null
}
