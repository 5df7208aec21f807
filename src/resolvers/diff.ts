import { commitDiff } from '../domain/commit/commit-diff.ts'
import { refineCommitMessage } from '../domain/commit-message/refine-commit-message.ts'
import { updateCommitMessage } from '../domain/commit-message/update-commit-message.ts'
import type { DiffRow } from '../domain/diff/diff.entity.ts'
import { pendingDiffStatuses } from '../domain/diff/diff.status.ts'
import { keepHunks } from '../domain/diff/keep-hunks.ts'
import { previewDiff } from '../domain/diff/preview-diff.ts'
import { proposeDiff } from '../domain/diff/propose-diff.ts'
import { rebaseDiff } from '../domain/diff/rebase-diff.ts'
import { revertDiff } from '../domain/diff/revert-diff.ts'
import {
  ApprovalRequiredError,
  BaseDriftError,
  BudgetExceededError,
  CapacityError,
  ForbiddenError,
  InvalidTransitionError,
  ModelFailedError,
  NotFoundError,
  PatchRejectedError,
  RebaseConflictError,
  SyntaxRejectedError,
  ValidationError,
} from '../domain/errors.ts'
import { markFileReviewed } from '../domain/review/mark-file-reviewed.ts'
import { openReview } from '../domain/review/open-review.ts'
import { reviewDiff } from '../domain/review/review-diff.ts'
import { builder } from '../schema/builder.ts'
import { DiffConnection } from '../schema/connections.ts'
import { PendingOrderEnum, ReviewVerdictEnum } from '../schema/enums.ts'
import { found } from '../schema/found.ts'
import { localId, readId } from '../schema/ids.ts'
import { page } from '../schema/pages.ts'
import { DiffRef } from '../schema/refs.ts'
import { riskPage } from '../schema/risk-pages.ts'
import { DiffPreviewRef } from '../schema/types/diff.ts'
import { megabytes } from '../schema/weight.ts'

const nowhere = '00000000-0000-0000-0000-000000000000'

builder.queryField('pendingDiffs', (t) =>
  t.connection(
    {
      type: DiffRef,
      description:
        'Diffs that wait for a person, over all projects the viewer can see that are not archived. By RISK they are ranked as they are when a page is read: one whose risk changes between two pages can be on both, or on none.',
      args: { projectId: t.arg.id(), order: t.arg({ type: PendingOrderEnum, defaultValue: 'OLDEST' }) },
      resolve: async (_root, { projectId, order, ...args }, { load }) => {
        const visible = await load.visibleProjects()
        const wanted = projectId == null ? null : (readId('Project', projectId) ?? nowhere)
        const allowed = wanted === null ? visible : visible === null || visible.includes(wanted) ? [wanted] : []
        if (order === 'RISK') return riskPage(load, allowed, args)
        const where = {
          status: pendingDiffStatuses,
          // An empty list of values would not be a condition that SQL takes.
          projectId: allowed?.length === 0 ? [nowhere] : allowed,
        }
        return page<DiffRow>(load.page, { table: 'Diff', where, unarchived: true, order: 'asc' }, args)
      },
    },
    DiffConnection,
  ),
)

const ProposeDiffInput = builder.inputType('ProposeDiffInput', {
  fields: (t) => ({
    projectId: t.id({ required: true }),
    content: t.string({ required: true, description: 'A patch as git writes them.' }),
    commitMessage: t.string({ required: true }),
    baseCommit: t.string({ description: "The target branch's head when left out." }),
    prompt: t.string(),
    allowInvalidSyntax: t.boolean({
      defaultValue: false,
      description: 'Store it although it does not parse; it is then an issue and cannot be committed.',
    }),
    clientMutationId: t.string(),
  }),
})

builder.mutationField('proposeDiff', (t) =>
  t.field({
    type: DiffRef,
    description: "A change from outside: a person's, or another agent's.",
    args: { input: t.arg({ type: ProposeDiffInput, required: true }) },
    errors: {
      types: [ValidationError, ForbiddenError, NotFoundError, PatchRejectedError, SyntaxRejectedError, CapacityError],
    },
    resolve: async (_root, { input }, context) => {
      const given = { ...input, projectId: localId('Project', input.projectId) }
      const id = await proposeDiff(context.services, context.viewer, given)
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.queryField('previewDiff', (t) =>
  t.field({
    type: DiffPreviewRef,
    description: 'What proposeDiff would answer, and nothing stored.',
    extensions: megabytes,
    args: { input: t.arg({ type: ProposeDiffInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, PatchRejectedError, SyntaxRejectedError] },
    resolve: (_root, { input }, { services, viewer }) =>
      previewDiff(services, viewer, { ...input, projectId: localId('Project', input.projectId) }),
  }),
)

builder.mutationField('openReview', (t) =>
  t.field({
    type: DiffRef,
    description: 'Marks that a person is looking at it.',
    args: { diffId: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, { diffId }, context) => {
      const id = await openReview(context.services, context.viewer, localId('Diff', diffId))
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.mutationField('markFileReviewed', (t) =>
  t.field({
    type: DiffRef,
    description:
      "Marks a file as reviewed by the viewer, or takes the mark back; for whoever may read the diff, in any state. It is the viewer's own note and no approval. It holds in every iteration in which the file's change is the same, and falls with the first in which it is not.",
    args: {
      diffId: t.arg.id({ required: true }),
      path: t.arg.string({ required: true, description: "One of the diff's files, by the name it has after." }),
      reviewed: t.arg.boolean({ required: true }),
    },
    errors: { types: [ValidationError, NotFoundError] },
    resolve: async (_root, { diffId, ...args }, context) => {
      const id = await markFileReviewed(context.services, context.viewer, { ...args, diffId: localId('Diff', diffId) })
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.mutationField('reviewDiff', (t) =>
  t.field({
    type: DiffRef,
    description:
      "A person's verdict on exactly what they saw, named by its hashes. REJECT with feedback or drafted comments starts the next iteration of a session's or sprint's diff: they reach the coder as one message, each comment with its line.",
    args: {
      diffId: t.arg.id({ required: true }),
      verdict: t.arg({ type: ReviewVerdictEnum, required: true }),
      feedback: t.arg.string(),
      contentHash: t.arg.string({ required: true }),
      evaluationHash: t.arg.string({ required: true }),
      messageHash: t.arg.string({
        description: 'Of the commit message that they read. Without it the verdict is on the message as it is now.',
      }),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, args, context) => {
      const id = await reviewDiff(context.services, context.viewer, { ...args, diffId: localId('Diff', args.diffId) })
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.mutationField('commitDiff', (t) =>
  t.field({
    type: DiffRef,
    description: 'Puts an approved diff on its branch: exactly what was approved, or an error and nothing changed.',
    args: { diffId: t.arg.id({ required: true }) },
    errors: {
      types: [ForbiddenError, NotFoundError, InvalidTransitionError, ApprovalRequiredError, BaseDriftError],
    },
    resolve: async (_root, { diffId }, context) => {
      const id = await commitDiff(context.services, context.viewer, localId('Diff', diffId))
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.mutationField('updateCommitMessage', (t) =>
  t.field({
    type: DiffRef,
    description:
      'Sets the message to commit under, while the diff waits for a person. Approvals were given to the message as it was: all fall but that of the person who sets it. The same message changes nothing. For its author and requester, and for a REVIEWER.',
    args: {
      diffId: t.arg.id({ required: true }),
      message: t.arg.string({ required: true, description: 'Without trailers of ours: they are appended.' }),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, { diffId, message }, context) => {
      const given = { diffId: localId('Diff', diffId), message }
      const id = await updateCommitMessage(context.services, context.viewer, given)
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.mutationField('refineCommitMessage', (t) =>
  t.field({
    type: DiffRef,
    description:
      'Has the evaluator word the message anew, from the diff alone, and waits for it; no approval survives another message. A second click meanwhile waits for the same answer and costs nothing. After 50 seconds it answers with `refiningMessage` true, and DiffChanged tells the rest. On an error the message is as it was. For its author and requester, and for a REVIEWER.',
    args: {
      diffId: t.arg.id({ required: true }),
      instructions: t.arg.string({ description: 'How it is to be worded.' }),
    },
    errors: {
      types: [
        ValidationError,
        ForbiddenError,
        NotFoundError,
        InvalidTransitionError,
        BudgetExceededError,
        ModelFailedError,
      ],
    },
    resolve: async (_root, { diffId, instructions }, context) => {
      const given = { diffId: localId('Diff', diffId), instructions: instructions ?? null }
      const id = await refineCommitMessage(context.services, context.viewer, given)
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.mutationField('keepHunks', (t) =>
  t.field({
    type: DiffRef,
    description:
      'A new diff with only these hunks, validated, evaluated and tested like any other; the old one is superseded. For its author and requester, and for a REVIEWER.',
    args: {
      diffId: t.arg.id({ required: true }),
      hunks: t.arg.intList({ required: true, description: 'Indexes as `Hunk.index` gives them.' }),
      files: t.arg.stringList({
        description:
          'Paths of the changes without hunks that are kept too: binary contents, renames, modes, empty files.',
      }),
    },
    errors: {
      types: [
        ValidationError,
        ForbiddenError,
        NotFoundError,
        InvalidTransitionError,
        PatchRejectedError,
        SyntaxRejectedError,
      ],
    },
    resolve: async (_root, { diffId, hunks, files }, context) => {
      const given = { diffId: localId('Diff', diffId), hunks, files: files ?? null }
      const id = await keepHunks(context.services, context.viewer, given)
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.mutationField('rebaseDiff', (t) =>
  t.field({
    type: DiffRef,
    description:
      "A new diff on the target branch's head, safety checked again. Approvals carry over only if changeHash and reportHash are the same and the tests that were green are green again. A diff that is on the head already is answered as it is. For its author and requester, and for a REVIEWER.",
    args: { diffId: t.arg.id({ required: true }) },
    errors: {
      types: [
        ValidationError,
        ForbiddenError,
        NotFoundError,
        InvalidTransitionError,
        RebaseConflictError,
        PatchRejectedError,
        SyntaxRejectedError,
      ],
    },
    resolve: async (_root, { diffId }, context) => {
      const id = await rebaseDiff(context.services, context.viewer, localId('Diff', diffId))
      return found(await context.startOver().diff.load(id))
    },
  }),
)

builder.mutationField('revertDiff', (t) =>
  t.field({
    type: DiffRef,
    description:
      'Proposes the reverse of a committed diff. Asked again by the same person while their proposal is open and the branch has not moved, it answers with that one.',
    args: { diffId: t.arg.id({ required: true }) },
    errors: {
      types: [
        ValidationError,
        ForbiddenError,
        NotFoundError,
        InvalidTransitionError,
        RebaseConflictError,
        PatchRejectedError,
        SyntaxRejectedError,
      ],
    },
    resolve: async (_root, { diffId }, context) => {
      const id = await revertDiff(context.services, context.viewer, localId('Diff', diffId))
      return found(await context.startOver().diff.load(id))
    },
  }),
)
