import { randomUUID } from 'node:crypto'
import { boundedRole, includesRole, type Viewer } from '../actor/viewer.ts'
import { currentBinding } from '../approval/approval.ts'
import { loadApproval } from '../approval/load-approval.ts'
import { refreshApproval } from '../approval/refresh-approval.ts'
import { tellDiff } from '../diff/change-diff-status.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { findOwnDiff } from '../diff/find-own-diff.ts'
import { InvalidTransitionError } from '../errors.ts'
import { Review, type ReviewRow } from '../review/review.entity.ts'
import type { Transaction } from '../shared/transact.ts'

/**
 * Locks a diff whose message the viewer may change: its author and requester may, and whoever may approve.
 * @throws NotFoundError, ForbiddenError, InvalidTransitionError once it is being committed, or waits for nobody any more
 */
export const findWordable = async (tx: Transaction, viewer: Viewer, id: string) => {
  const found = await findOwnDiff(tx, viewer, id)
  if (!pendingDiffStatuses.includes(found.diff.status)) {
    const hint = 'Its message can be changed only while it waits for a person.'
    throw new InvalidTransitionError('diff', found.diff.status, 'HUMAN_REVIEWING', hint)
  }
  return found
}

/**
 * Gives a locked diff another message. Approvals are bound to the one that was read, so all fall but the writer's own,
 * which goes along as a new review. The same message changes nothing.
 * @param writer who wrote it; null for a model, whose words nobody has approved yet
 */
export const changeMessage = async (
  tx: Transaction,
  diff: Awaited<ReturnType<typeof findOwnDiff>>['diff'],
  message: string,
  writer: Viewer | null,
): Promise<void> => {
  if (message === diff.commitMessage) return
  const { status } = diff
  const before = await loadApproval(tx.em, diff)
  diff.commitMessage = message
  if (diff.refinement?.failure) diff.refinement = null
  await tx.em.flush()
  // A token that may not approve does not approve by writing.
  const approver = writer && includesRole(writer.tokenRole, 'REVIEWER') ? writer : null
  const isOwn = ({ reviewerId, rule }: ReviewRow) => rule === null && reviewerId === approver?.actor.id
  const own = before.reviews.findLast((review) => isOwn(review) && before.counted.has(review.id))
  if (own && approver) {
    const now = await loadApproval(tx.em, diff)
    // They may have approved this very message before.
    const isApproved = now.reviews.some((review) => isOwn(review) && now.counted.has(review.id))
    if (!isApproved) {
      tx.em.create(Review, {
        id: randomUUID(),
        diffId: diff.id,
        reviewerId: own.reviewerId,
        verdict: 'APPROVE',
        feedback: own.feedback,
        ...currentBinding(now.facts, now.policy),
        rule: null,
        tokenRole: boundedRole(own.tokenRole, approver.tokenRole),
        carriedFromId: own.id,
        createdAt: tx.now,
      })
    }
  }
  await refreshApproval(tx, diff.id)
  if (diff.status === status) tellDiff(tx, diff)
}
