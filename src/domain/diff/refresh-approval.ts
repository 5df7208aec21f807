import { LockMode } from '@mikro-orm/core'
import { Project } from '../project/project.entity.ts'
import type { Transaction } from '../shared/transact.ts'
import { Diff } from './diff.entity.ts'
import { type DiffStatus, toDiffStatus } from './diff.status.ts'
import { type Approval, loadApproval } from './load-approval.ts'

/** Gives a locked diff a new status, through the table, and says so. */
export const changeDiffStatus = (
  tx: Transaction,
  diff: {
    id: string
    projectId: string
    sprintId?: string | null
    sessionId?: string | null
    status: DiffStatus
    updatedAt: Date
  },
  to: DiffStatus,
  hint?: string,
): void => {
  diff.status = toDiffStatus(diff.status, to, hint)
  diff.updatedAt = tx.now
  tx.emit(
    {
      projectId: diff.projectId,
      sprintId: diff.sprintId ?? null,
      sessionId: diff.sessionId ?? null,
      diffId: diff.id,
    },
    { type: 'DiffChanged', diffId: diff.id, status: to },
  )
}

/**
 * Looks at the policy again: a diff under review becomes APPROVED when nothing is missing, and an APPROVED one goes
 * back to review when something is. On a branch that has moved it is never APPROVED: it would not be committed.
 */
export const refreshApproval = async (tx: Transaction, diffId: string): Promise<Approval | undefined> => {
  const diff = await tx.em.findOne(Diff, { id: diffId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!diff) return undefined
  await tx.em.flush()
  const approval = await loadApproval(tx.em, diff)
  const { headCommit } = await tx.em.findOneOrFail(Project, { id: diff.projectId })
  const satisfied = approval.state.satisfied && headCommit === diff.baseCommit
  const underReview =
    diff.status === 'HUMAN_REVIEWING' || diff.status === 'PROPOSED' || diff.status === 'EVALUATOR_APPROVED'
  if (underReview && satisfied) changeDiffStatus(tx, diff, 'APPROVED')
  else if (diff.status === 'APPROVED' && !satisfied) changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
  return approval
}
