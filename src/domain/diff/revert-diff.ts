import type { Viewer } from '../actor/viewer.ts'
import { revertMessage } from '../commit-message/commit-message.ts'
import { InvalidTransitionError, RebaseConflictError } from '../errors.ts'
import { refreshHead } from '../project/note-head.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import { findDiff } from './find-diff.ts'
import { proposeReturn } from './propose-return.ts'

/**
 * Proposes the reverse of a committed diff on the branch's head: a three-way merge of the commit's parent, with the
 * commit as its base. A second click on the same head gives the proposal that the first one made.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError for a diff that is not COMMITTED,
 *   RebaseConflictError, PatchRejectedError (NO_CHANGE when it is reverted already), SyntaxRejectedError
 */
export const revertDiff = async (services: Services, viewer: Viewer, diffId: string): Promise<string> => {
  const { git } = services
  const old = await transact(services, async (tx) => {
    const { diff, project } = await findDiff(tx, viewer, diffId, 'AUTHOR')
    if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
    if (diff.status !== 'COMMITTED' || diff.commitOid == null) {
      throw new InvalidTransitionError('diff', diff.status, 'reverted', 'Only what is COMMITTED can be reverted.')
    }
    const { projectId, targetBranch, commitMessage, baseTree } = diff
    return { projectId, targetBranch, commitMessage, baseTree, commitOid: diff.commitOid }
  })
  const { projectId, targetBranch, commitOid } = old
  await refreshHead(services, projectId)
  const head = await git.branchHead(projectId, targetBranch)
  if (head === null) throw fieldFault('diffId', `the branch ${targetBranch} is gone`)
  const merged = await git.mergeChange(projectId, { base: commitOid, tree: old.baseTree }, head)
  if (merged.tree === null) throw new RebaseConflictError(targetBranch, merged.conflicts)
  return proposeReturn(
    services,
    viewer,
    {
      projectId,
      branch: targetBranch,
      head,
      tree: merged.tree,
      earlierId: diffId,
      commitMessage: revertMessage(old.commitMessage, commitOid),
      nothingToDo: `The branch ${targetBranch} no longer has this change.`,
    },
    (tx) => findDiff(tx, viewer, diffId, 'AUTHOR'),
  )
}
