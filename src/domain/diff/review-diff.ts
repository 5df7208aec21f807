import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { ForbiddenError, InvalidTransitionError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { fieldFault, prose, validate } from '../shared/validate.ts'
import { startNextIteration } from '../sprint/start-next-iteration.ts'
import { currentBinding, stillHolds } from './approval.ts'
import type { DiffRow } from './diff.entity.ts'
import { type DiffStatus, reviewableStatuses } from './diff.status.ts'
import { noteDiffView } from './diff-view.ts'
import { findDiff } from './find-diff.ts'
import { loadApproval } from './load-approval.ts'
import { changeDiffStatus, refreshApproval } from './refresh-approval.ts'
import { Review, reviewVerdicts } from './review.entity.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex')

const input = z.object({
  diffId: z.uuid(),
  verdict: z.enum(reviewVerdicts),
  feedback: prose(20_000).nullish(),
  contentHash: hash,
  evaluationHash: hash,
})
export type ReviewDiffInput = z.input<typeof input>

const reject = async (
  tx: Transaction,
  diff: DiffRow & { status: DiffStatus; updatedAt: Date; humanFeedback: string | null },
  feedback: string | null,
) => {
  diff.humanFeedback = feedback
  changeDiffStatus(tx, diff, 'HUMAN_REJECTED')
  if (diff.sprintId && feedback) await startNextIteration(tx, diff.sprintId, feedback)
}

/**
 * A person's verdict on exactly what they saw. Approving the same thing twice counts once.
 * @throws NotFoundError, ForbiddenError, ValidationError (also when what they saw is not what there is now),
 *   InvalidTransitionError
 */
export const reviewDiff = async (services: Services, viewer: Viewer, given: ReviewDiffInput): Promise<string> => {
  const checked = validate(input, given)
  if (viewer.actor.kind !== 'HUMAN') throw new ForbiddenError('Only a person can review.')
  return transact(services, async (tx) => {
    const { diff } = await findDiff(tx, viewer, checked.diffId, 'REVIEWER')
    if (!reviewableStatuses.includes(diff.status)) {
      throw new InvalidTransitionError(
        'diff',
        diff.status,
        checked.verdict === 'APPROVE' ? 'APPROVED' : 'HUMAN_REJECTED',
      )
    }
    await noteDiffView(tx, diff.id, viewer.actor.id)
    const approval = await loadApproval(tx.em, diff)
    const { facts, policy, reviews } = approval
    if (checked.contentHash !== facts.contentHash) {
      throw fieldFault('contentHash', `the content is now ${facts.contentHash}: read the diff again`)
    }
    if (checked.evaluationHash !== facts.evaluationHash) {
      throw fieldFault('evaluationHash', `the evaluation is now ${facts.evaluationHash}: read the diff again`)
    }
    const binding = currentBinding(facts, policy)
    const repeated = reviews.some(
      (review) => review.reviewerId === viewer.actor.id && review.verdict === 'APPROVE' && stillHolds(review, binding),
    )
    if (checked.verdict === 'APPROVE' && repeated) return diff.id
    tx.em.create(Review, {
      id: randomUUID(),
      diffId: diff.id,
      reviewerId: viewer.actor.id,
      verdict: checked.verdict,
      feedback: checked.feedback ?? null,
      ...binding,
      carriedFromId: null,
      createdAt: tx.now,
    })
    if (checked.verdict === 'REJECT') {
      await reject(tx, diff, checked.feedback ?? null)
      return diff.id
    }
    if (diff.status !== 'HUMAN_REVIEWING' && diff.status !== 'APPROVED') changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
    await refreshApproval(tx, diff.id)
    return diff.id
  })
}
