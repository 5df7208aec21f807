import { randomUUID } from 'node:crypto'
import { pipelineActorId } from '../actor/ensure-actors.ts'
import { Review } from '../review/review.entity.ts'
import type { Transaction } from '../shared/transact.ts'
import { currentBinding } from './approval.ts'
import type { Approval } from './load-approval.ts'

/**
 * Gives a locked diff the approval of a rule that permits it, where the approvals there are do not suffice. A rule's
 * approval that holds suffices, so there is one for each binding.
 * @returns whether it was given
 */
export const approveByRule = async (
  tx: Transaction,
  diffId: string,
  { state, facts, policy, permittedBy }: Approval,
): Promise<boolean> => {
  if (permittedBy === null || state.given >= state.required) return false
  tx.em.create(Review, {
    id: randomUUID(),
    diffId,
    reviewerId: pipelineActorId,
    verdict: 'APPROVE',
    feedback: null,
    ...currentBinding(facts, policy),
    tokenRole: null,
    rule: permittedBy,
    carriedFromId: null,
    createdAt: tx.now,
  })
  await tx.em.flush()
  return true
}
