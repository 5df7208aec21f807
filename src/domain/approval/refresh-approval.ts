import { LockMode } from '@mikro-orm/core'
import { changeDiffStatus, tellDiff } from '../diff/change-diff-status.ts'
import { Diff } from '../diff/diff.entity.ts'
import { reviewableStatuses } from '../diff/diff.status.ts'
import { wishRebase } from '../diff/wish-rebase.ts'
import { Project } from '../project/project.entity.ts'
import type { Transaction } from '../shared/transact.ts'
import { approveByRule } from './approve-by-rule.ts'
import { type Approval, loadApproval } from './load-approval.ts'

/**
 * Looks at the policy again: where a rule permits it, a diff gets that rule's approval. A diff under review becomes
 * APPROVED when nothing is missing, and an APPROVED one goes back to review when something is. On a branch that has moved
 * it is never APPROVED: it would not be committed. There it is brought to the head where the policy says so.
 */
export const refreshApproval = async (tx: Transaction, diffId: string): Promise<Approval | undefined> => {
  const diff = await tx.em.findOne(Diff, { id: diffId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!diff) return undefined
  await tx.em.flush()
  const { status } = diff
  let approval = await loadApproval(tx.em, diff)
  const isByRule = reviewableStatuses.includes(status) && (await approveByRule(tx, diffId, approval))
  if (isByRule) approval = await loadApproval(tx.em, diff)
  const project = await tx.em.findOneOrFail(Project, { id: diff.projectId })
  const satisfied = approval.state.satisfied && project.headCommit === diff.baseCommit
  const underReview =
    diff.status === 'HUMAN_REVIEWING' || diff.status === 'PROPOSED' || diff.status === 'EVALUATOR_APPROVED'
  if (underReview && satisfied) changeDiffStatus(tx, diff, 'APPROVED')
  else if (diff.status === 'APPROVED' && !satisfied) changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
  else if (isByRule) tellDiff(tx, diff)
  if (reviewableStatuses.includes(diff.status) && approval.state.satisfied) wishRebase(tx, project, diff)
  return approval
}
