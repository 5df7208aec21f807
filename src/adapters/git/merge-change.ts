/** Three-way merges in memory, by `git merge-tree`: no work tree, no index, no branch moves. */

import type { MergedChange } from '../../domain/ports/git-store.ts'
import { fromByteName, isObjectId, newObject, serialiseCommit } from './git-objects.ts'
import { MissingObjectError, type Repository, treeOfObject } from './repository.ts'
import { writeObjects } from './write-objects.ts'

const configuration = [
  // Otherwise new files would follow a directory that was renamed: nobody approved that place.
  ['merge.directoryRenames', 'false'],
  ['merge.default', 'text'],
  ['merge.renames', 'true'],
  ['merge.renameLimit', '1000'],
] as const

const nobody = { name: 'Countersign', email: 'countersign@localhost', at: new Date(0) }

/**
 * The merge base is the change's own base, whatever the history says: the three trees become commits of a history of
 * their own, to which nothing points. So a branch that was set back gets the change alone, and not again what it lost.
 * @throws GitCommandError when git could not merge at all, MissingObjectError
 */
export async function mergeChange(
  repository: Repository,
  change: { readonly base: string; readonly tree: string },
  onto: string,
): Promise<MergedChange> {
  const commitOf = async (treeish: string, parents: readonly string[]) => {
    const tree = await treeOfObject(repository, treeish)
    if (tree === null) throw new MissingObjectError('tree', treeish)
    const message = 'A change to be merged\n'
    const request = { tree, parents, message, author: nobody, committer: nobody }
    return newObject(repository.hash, 'commit', serialiseCommit(request))
  }
  const base = await commitOf(change.base, [])
  const ours = await commitOf(onto, [base.id])
  const theirs = await commitOf(change.tree, [base.id])
  await writeObjects(repository, [base, ours, theirs])
  const { exitCode, stdout } = await repository.git({
    args: ['merge-tree', '--write-tree', '--no-messages', '--name-only', '-z', '--end-of-options', ours.id, theirs.id],
    configuration,
    accept: [0, 1],
  })
  const [tree = '', ...names] = stdout.toString('latin1').split('\0')
  if (!isObjectId(tree)) throw new Error('git merge-tree gave no tree')
  const conflicts = [...new Set(names.filter((name) => name !== '').map(fromByteName))]
  return exitCode === 0 ? { tree, conflicts: [] } : { tree: null, conflicts }
}
