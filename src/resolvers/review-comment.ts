import { ForbiddenError, InvalidTransitionError, NotFoundError, ValidationError } from '../domain/errors.ts'
import { addReviewComment } from '../domain/review/add-review-comment.ts'
import { deleteReviewComment } from '../domain/review/delete-review-comment.ts'
import { builder } from '../schema/builder.ts'
import { DiffSideEnum } from '../schema/enums.ts'
import { localId } from '../schema/ids.ts'
import { ReviewCommentRef } from '../schema/refs.ts'

builder.mutationField('addReviewComment', (t) =>
  t.field({
    type: ReviewCommentRef,
    description: 'Drafts, private to their author until the next reviewDiff.',
    args: {
      diffId: t.arg.id({ required: true }),
      path: t.arg.string({ required: true, description: "One of the diff's files: for BEFORE, by the name it had." }),
      side: t.arg({ type: DiffSideEnum, required: true }),
      line: t.arg.int({ required: true, description: "Any of the file's lines on that side, from 1." }),
      text: t.arg.string({ required: true }),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, { diffId, ...args }, context) => {
      const given = { ...args, diffId: localId('Diff', diffId) }
      const comment = await addReviewComment(context.services, context.viewer, given)
      const load = context.startOver()
      load.comment.prime(comment.id, comment)
      // Who asks was looked up for this operation.
      load.actor.prime(comment.authorId, context.viewer.actor)
      return comment
    },
  }),
)

builder.mutationField('deleteReviewComment', (t) =>
  t.field({
    type: ReviewCommentRef,
    description: 'Takes back a draft; answers with it as it was.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, { id }, context) => {
      const comment = await deleteReviewComment(context.services, context.viewer, localId('ReviewComment', id))
      context.startOver()
      return comment
    },
  }),
)
