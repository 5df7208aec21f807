import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { ForbiddenError, InvalidTransitionError } from '../errors.ts'
import { continueSession } from '../session/continue-session.ts'
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
import type { ReviewCommentRow } from './review-comment.entity.ts'
import { feedbackMessage, sendComments } from './send-comments.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex')

const input = z.object({
  diffId: z.uuid(),
  verdict: z.enum(reviewVerdicts),
  feedback: prose(20_000).nullish(),
  contentHash: hash,
  evaluationHash: hash,
})
export type ReviewDiffInput = z.input<typeof input>

interface Rejection {
  readonly feedback: string | null
  readonly comments: readonly ReviewCommentRow[]
  readonly reviewerId: string
}

const reject = async (
  tx: Transaction,
  diff: DiffRow & { status: DiffStatus; updatedAt: Date; humanFeedback: string | null },
  { feedback, comments, reviewerId }: Rejection,
) => {
  diff.humanFeedback = feedback
  changeDiffStatus(tx, diff, 'HUMAN_REJECTED')
  const message = feedbackMessage(feedback, comments)
  if (message === '') return
  if (diff.sprintId) await startNextIteration(tx, diff.sprintId, diff.id, message)
  if (diff.sessionId) await continueSession(tx, diff.sessionId, { diff, feedback, comments, authorId: reviewerId })
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
        diff.status === 'EVALUATOR_REJECTED' ? 'The evaluator rejected it: open a review of it first.' : '',
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
    const repeated = reviews.find(
      (review) => review.reviewerId === viewer.actor.id && review.verdict === 'APPROVE' && stillHolds(review, binding),
    )
    if (checked.verdict === 'APPROVE' && repeated) {
      // What they have drafted since goes with the approval that they gave.
      await sendComments(tx, diff.id, viewer.actor.id, repeated.id)
      return diff.id
    }
    const reviewId = randomUUID()
    tx.em.create(Review, {
      id: reviewId,
      diffId: diff.id,
      reviewerId: viewer.actor.id,
      verdict: checked.verdict,
      feedback: checked.feedback ?? null,
      ...binding,
      carriedFromId: null,
      createdAt: tx.now,
    })
    await tx.em.flush()
    const comments = await sendComments(tx, diff.id, viewer.actor.id, reviewId)
    if (checked.verdict === 'REJECT') {
      await reject(tx, diff, { feedback: checked.feedback ?? null, comments, reviewerId: viewer.actor.id })
      return diff.id
    }
    if (diff.status !== 'HUMAN_REVIEWING' && diff.status !== 'APPROVED') changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
    await refreshApproval(tx, diff.id)
    return diff.id
  })
}
