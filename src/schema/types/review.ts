import type { Approval } from '../../domain/approval/load-approval.ts'
import type { ReviewRow } from '../../domain/review/review.entity.ts'
import { builder } from '../builder.ts'
import { ReviewVerdictEnum } from '../enums.ts'
import { found } from '../found.ts'
import { ActorRef, ReviewCommentRef } from '../refs.ts'
import { visible } from '../visible.ts'

interface ShownReview extends ReviewRow {
  readonly stillHolds: boolean
}

export const ReviewRef = builder.objectRef<ShownReview>('Review')
builder.node(ReviewRef, {
  description:
    "A person's decision, or a policy rule's approval. It holds for exactly one content, evaluation, base, message and policy.",
  id: { resolve: (review) => review.id },
  loadOne: async (id, context) => {
    const review = await context.load.review.load(id)
    const diff = review && (await context.load.diff.load(review.diffId))
    if (!diff) return null
    const { holding } = await context.load.approval.load(diff)
    return visible(context, { ...review, stillHolds: holding.has(review.id) }, diff.projectId)
  },
  fields: (t) => ({
    verdict: t.field({ type: ReviewVerdictEnum, resolve: (review) => review.verdict }),
    feedback: t.exposeString('feedback', { nullable: true }),
    comments: t.field({
      type: [ReviewCommentRef],
      description: 'The remarks that were sent with it.',
      resolve: async (review, _, { load }) => [...(await load.commentsOfReview.load(review.id))],
    }),
    reviewer: t.field({
      type: ActorRef,
      resolve: async (review, _, { load }) => found(await load.actor.load(review.reviewerId)),
    }),
    automatic: t.boolean({
      description:
        "True for a policy rule's approval, which holds while the rule permits the diff; `reviewer` is then the server itself.",
      resolve: (review) => review.rule !== null,
    }),
    rule: t.exposeString('rule', { nullable: true, description: 'Name of the auto-approve rule.' }),
    contentHash: t.exposeString('contentHash'),
    evaluationHash: t.exposeString('evaluationHash'),
    policyHash: t.exposeString('policyHash'),
    baseCommit: t.exposeString('baseCommit'),
    carriedFrom: t.field({
      type: ReviewRef,
      nullable: true,
      description:
        'The review that this one carries on: of the diff before its rebase, or of the same person under the message before theirs.',
      resolve: async (review, _, { load }) => {
        const earlier = review.carriedFromId && (await load.review.load(review.carriedFromId))
        const diff = earlier && (await load.diff.load(earlier.diffId))
        if (!earlier || !diff) return null
        const { holding } = await load.approval.load(diff)
        return { ...earlier, stillHolds: holding.has(earlier.id) }
      },
    }),
    stillHolds: t.exposeBoolean('stillHolds', { description: 'Whether what was reviewed is what there is now.' }),
    createdAt: t.field({ type: 'DateTime', resolve: (review) => review.createdAt }),
  }),
})

export const shownReviews = (approval: Approval): readonly ShownReview[] =>
  approval.reviews.map((review) => ({ ...review, stillHolds: approval.holding.has(review.id) }))
