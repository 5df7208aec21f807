import { tellDiff } from '../diff/change-diff-status.ts'
import { reviewableStatuses } from '../diff/diff.status.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { type Approval, approvalSubject, loadApprovals } from './load-approval.ts'
import { refreshApproval } from './refresh-approval.ts'

const atOnce = 50

/** Whether a diff's status, or what a rule says of it, is not what its approval makes of it. */
const isBehind = (isApproved: boolean, { state, permittedBy }: Approval): boolean =>
  state.satisfied !== isApproved || (permittedBy !== null && state.given < state.required)

/**
 * Looks again at every diff of a locked project that waits for a person, after its policy or who may review there has
 * changed. Most keep their status, and cost a part of a few queries; that other approvals may be missing is told.
 * @param changed the policy concerns each of them, reviewers those that somebody has reviewed
 */
export const refreshApprovals = async (
  tx: Transaction,
  projectId: string,
  changed: 'policy' | 'reviewers',
): Promise<void> => {
  await tx.em.flush()
  const open = await rows(tx.em)
    .selectFrom('Diff')
    .select('id')
    .where('projectId', '=', projectId)
    .where('status', 'in', [...reviewableStatuses])
    .orderBy('id')
    // Waited for: whoever is deciding on one now decided by what was before.
    .forUpdate()
    .execute()
  for (let at = 0; at < open.length; at += atOnce) {
    const ids = open.slice(at, at + atOnce).map(({ id }) => id)
    const diffs = await rows(tx.em)
      .selectFrom('Diff')
      .select([...approvalSubject, 'status', 'sprintId', 'updatedAt'])
      .where('id', 'in', ids)
      .orderBy('id')
      .execute()
    const approvals = await loadApprovals(tx.em, diffs)
    const told: string[] = []
    for (const diff of diffs) {
      const approval = approvals.get(diff.id)
      if (!approval) continue
      if (isBehind(diff.status === 'APPROVED', approval)) await refreshApproval(tx, diff.id)
      else if (changed === 'policy' || approval.reviews.length > 0) {
        tellDiff(tx, diff)
        told.push(diff.id)
      }
    }
    if (told.length > 0)
      await rows(tx.em).updateTable('Diff').set({ updatedAt: tx.now }).where('id', 'in', told).execute()
  }
}
