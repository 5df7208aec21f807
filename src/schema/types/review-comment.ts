import type { ReviewCommentRow } from '../../domain/review/review-comment.entity.ts'
import { builder } from '../builder.ts'
import type { GraphQLContext } from '../context.ts'
import { DiffSideEnum } from '../enums.ts'
import { found } from '../found.ts'
import { ActorRef, ReviewCommentRef } from '../refs.ts'
import { visible } from '../visible.ts'

/** Whether the viewer may know of it: a draft is its author's alone. */
export const isShown = (comment: ReviewCommentRow, { viewer }: GraphQLContext): boolean =>
  comment.reviewId !== null || comment.authorId === viewer.actor.id

builder.node(ReviewCommentRef, {
  description:
    "A remark on a line of a diff. Kept as a draft until its author's next review, which sends them together; marked outdated when a later iteration changes the line.",
  id: { resolve: (comment) => comment.id },
  loadOne: async (id, context) => {
    const comment = await context.load.comment.load(id)
    const diff = comment && (await context.load.diff.load(comment.diffId))
    return comment && isShown(comment, context) ? visible(context, comment, diff?.projectId) : null
  },
  fields: (t) => ({
    path: t.exposeString('path'),
    side: t.field({ type: DiffSideEnum, resolve: (comment) => comment.side }),
    line: t.exposeInt('line', { description: 'Counts from 1.' }),
    code: t.exposeString('code', { description: 'The line itself, as it was when the remark was made.' }),
    text: t.exposeString('text'),
    author: t.field({
      type: ActorRef,
      resolve: async (comment, _, { load }) => found(await load.actor.load(comment.authorId)),
    }),
    draft: t.boolean({ resolve: (comment) => comment.reviewId === null }),
    outdated: t.boolean({ resolve: (comment, _, { load }) => load.isOutdated.load(comment) }),
    createdAt: t.field({ type: 'DateTime', resolve: (comment) => comment.createdAt }),
  }),
})
