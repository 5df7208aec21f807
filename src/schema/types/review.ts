import type { ReviewRow } from '../../domain/review/review.entity.ts'
import { builder } from '../builder.ts'
import { ReviewVerdictEnum } from '../enums.ts'
import { found } from '../found.ts'
import { ActorRef, ReviewCommentRef } from '../refs.ts'
import { visible } from '../visible.ts'

export const ReviewRef = builder.objectRef<ReviewRow>('Review')
builder.node(ReviewRef, {
  description:
    "A person's decision, or a policy rule's approval. It holds for exactly one content, evaluation, base, message and policy.",
  id: { resolve: (review) => review.id },
  loadOne: async (id, context) => {
    const review = await context.load.review.load(id)
    const diff = review && (await context.load.diff.load(review.diffId))
    return visible(context, review, diff?.projectId)
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
      resolve: (review, _, { load }) => (review.carriedFromId === null ? null : load.review.load(review.carriedFromId)),
    }),
    stillHolds: t.boolean({
      description: 'Whether what was reviewed is what there is now.',
      resolve: async (review, _, { load }) => {
        const diff = found(await load.diff.load(review.diffId))
        return (await load.approval.load(diff)).holding.has(review.id)
      },
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (review) => review.createdAt }),
  }),
})
