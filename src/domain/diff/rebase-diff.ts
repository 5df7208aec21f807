import type { Viewer } from '../actor/viewer.ts'
import { carryApprovals } from '../approval/carry-approvals.ts'
import { refreshHead } from '../project/note-head.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import type { DiffRow } from './diff.entity.ts'
import { findReplaceable } from './find-replaceable.ts'
import { prepareRebase } from './prepare-rebase.ts'
import { replaceDiff } from './replace-diff.ts'

/**
 * The diff's change on the target branch's head, by a three-way merge in memory: a new diff, evaluated and tested like
 * any other, that takes the old one's place. The approvals come along once the conditions of `carryApprovals` hold.
 * @returns the new diff's id; the diff's own when its base is the head already
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, RebaseConflictError,
 *   PatchRejectedError (NO_CHANGE when the branch has the change by now), SyntaxRejectedError
 */
export const rebaseDiff = async (services: Services, viewer: Viewer, diffId: string): Promise<string> => {
  const old = await transact(services, async (tx) => (await findReplaceable(tx, viewer, diffId)).diff as DiffRow)
  const { projectId, targetBranch } = old
  await refreshHead(services, projectId)
  const head = await services.git.branchHead(projectId, targetBranch)
  if (head === null) throw fieldFault('diffId', `the branch ${targetBranch} is gone`)
  if (head === old.baseCommit) return old.id
  const { prepared, testCases } = await prepareRebase(services, old, head)
  const find = (tx: Transaction) => findReplaceable(tx, viewer, diffId)
  return replaceDiff(services, { old, prepared, testCases, find, also: carryApprovals })
}
