import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { includesRole, type Viewer } from '../actor/viewer.ts'
import { currentBinding, stillHolds } from '../approval/approval.ts'
import { loadApproval } from '../approval/load-approval.ts'
import { refreshApproval } from '../approval/refresh-approval.ts'
import { changeDiffStatus, tellDiff } from '../diff/change-diff-status.ts'
import type { DiffRow } from '../diff/diff.entity.ts'
import { type DiffStatus, reviewableStatuses } from '../diff/diff.status.ts'
import { findDiff } from '../diff/find-diff.ts'
import { ForbiddenError, InvalidTransitionError } from '../errors.ts'
import { continueSession } from '../session/continue-session.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { fieldFault, prose, validate } from '../shared/validate.ts'
import { startNextIteration } from '../sprint/start-next-iteration.ts'
import { noteDiffView } from './diff-view.ts'
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
  messageHash: hash.nullish(),
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
  const { diffId, waitedMs } = await transact(services, async (tx) => {
    const found = await findDiff(tx, viewer, checked.diffId, 'REVIEWER')
    const { id: diffId, projectId, trace } = found.diff
    const facts = { step: 'review diff', diffId, projectId, verdict: checked.verdict }
    return services.tracer.join(trace, facts, () => giveVerdict(tx, viewer, found, checked))
  })
  if (waitedMs !== null) services.measure.diffReviewed({ verdict: checked.verdict, waitedMs })
  return diffId
}

interface GivenVerdict {
  readonly diffId: string
  /** How long the diff had been there; null where the same verdict holds already. */
  readonly waitedMs: number | null
}

const giveVerdict = async (
  tx: Transaction,
  viewer: Viewer,
  { project, diff }: Awaited<ReturnType<typeof findDiff>>,
  checked: z.output<typeof input>,
): Promise<GivenVerdict> => {
  if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
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
  if (checked.messageHash != null && checked.messageHash !== binding.messageHash) {
    throw fieldFault('messageHash', 'the message was changed meanwhile: read it again')
  }
  const repeated = reviews.find(
    (review) =>
      review.reviewerId === viewer.actor.id &&
      review.verdict === 'APPROVE' &&
      // With an administrator's token it may count for more.
      includesRole(review.tokenRole, viewer.tokenRole) &&
      stillHolds(review, facts, policy),
  )
  if (checked.verdict === 'APPROVE' && repeated) {
    // What they have drafted since goes with the approval that they gave.
    await sendComments(tx, diff.id, viewer.actor.id, repeated.id)
    return { diffId: diff.id, waitedMs: null }
  }
  const reviewId = randomUUID()
  tx.em.create(Review, {
    id: reviewId,
    diffId: diff.id,
    reviewerId: viewer.actor.id,
    verdict: checked.verdict,
    feedback: checked.feedback ?? null,
    ...binding,
    tokenRole: viewer.tokenRole,
    rule: null,
    carriedFromId: null,
    createdAt: tx.now,
  })
  await tx.em.flush()
  const given = { diffId: diff.id, waitedMs: tx.now.getTime() - diff.createdAt.getTime() }
  const comments = await sendComments(tx, diff.id, viewer.actor.id, reviewId)
  if (checked.verdict === 'REJECT') {
    await reject(tx, diff, { feedback: checked.feedback ?? null, comments, reviewerId: viewer.actor.id })
    return given
  }
  const status: DiffStatus = diff.status
  if (status !== 'HUMAN_REVIEWING' && status !== 'APPROVED') changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
  await refreshApproval(tx, diff.id)
  // Fewer approvals are missing, although it waits as before.
  if (diff.status === status) tellDiff(tx, diff)
  return given
}
