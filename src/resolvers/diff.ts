import { commitDiff } from '../domain/diff/commit-diff.ts'
import type { DiffRow } from '../domain/diff/diff.entity.ts'
import { pendingDiffStatuses } from '../domain/diff/diff.status.ts'
import { keepHunks } from '../domain/diff/keep-hunks.ts'
import { openReview } from '../domain/diff/open-review.ts'
import { previewDiff } from '../domain/diff/preview-diff.ts'
import { proposeDiff } from '../domain/diff/propose-diff.ts'
import { rebaseDiff } from '../domain/diff/rebase-diff.ts'
import { revertDiff } from '../domain/diff/revert-diff.ts'
import { reviewDiff } from '../domain/diff/review-diff.ts'
import {
  ApprovalRequiredError,
  BaseDriftError,
  ForbiddenError,
  InvalidTransitionError,
  NotFoundError,
  PatchRejectedError,
  RebaseConflictError,
  SyntaxRejectedError,
  ValidationError,
} from '../domain/errors.ts'
import { builder } from '../schema/builder.ts'
import { DiffConnection } from '../schema/connections.ts'
import { ReviewVerdictEnum } from '../schema/enums.ts'
import { found } from '../schema/found.ts'
import { localId, readId } from '../schema/ids.ts'
import { page } from '../schema/pages.ts'
import { DiffRef } from '../schema/refs.ts'
import { DiffPreviewRef } from '../schema/types/diff.ts'

const nowhere = '00000000-0000-0000-0000-000000000000'

builder.queryField('pendingDiffs', (t) =>
  t.connection(
    {
      type: DiffRef,
      description: 'Diffs that wait for a person, over all projects the viewer can see, oldest first.',
      args: { projectId: t.arg.id() },
      resolve: async (_root, { projectId, ...args }, { load }) => {
        const visible = await load.visibleProjects()
        const wanted = projectId == null ? null : (readId('Project', projectId) ?? nowhere)
        const allowed = wanted === null ? visible : visible === null || visible.includes(wanted) ? [wanted] : []
        const where = {
          status: pendingDiffStatuses,
          // An empty list of values would not be a condition that SQL takes.
          projectId: allowed?.length === 0 ? [nowhere] : allowed,
        }
        return page<DiffRow>(load.page, { table: 'Diff', where, order: 'asc' }, args)
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
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, PatchRejectedError, SyntaxRejectedError] },
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
