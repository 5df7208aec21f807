import type { ApprovalState } from '../../domain/approval/approval.ts'
import type { PushRow } from '../../domain/commit/push.entity.ts'
import type { DiffPreview } from '../../domain/diff/preview-diff.ts'
import type { Risk } from '../../domain/risk/risk.ts'
import type { SafetyEvaluationRow } from '../../domain/safety/safety-evaluation.entity.ts'
import { sha256 } from '../../domain/shared/canonical-hash.ts'
import { builder } from '../builder.ts'
import { DiffOriginEnum, DiffStatusEnum, PushStatusEnum } from '../enums.ts'
import { found } from '../found.ts'
import {
  ActorRef,
  CandidateRef,
  CommitRef,
  DiffRef,
  ProjectRef,
  ReviewCommentRef,
  SafetyEvaluationRef,
  SessionRef,
  SprintRef,
  TestRunRef,
} from '../refs.ts'
import { visible } from '../visible.ts'
import { longText, megabytes } from '../weight.ts'
import { FileChangeRef, shownFiles } from './file-change.ts'
import { ReviewRef } from './review.ts'
import { isShown } from './review-comment.ts'

const ApprovalStateRef = builder.objectRef<ApprovalState>('ApprovalState').implement({
  description: "Where a diff stands with the project's policy.",
  fields: (t) => ({
    required: t.exposeInt('required'),
    given: t.exposeInt('given'),
    satisfied: t.exposeBoolean('satisfied'),
    missing: t.stringList({ description: 'In words, what is still needed.', resolve: (state) => [...state.missing] }),
  }),
})

const RiskRef = builder.objectRef<Risk>('Risk').implement({
  description:
    'How closely a person should look, as the policy and the tests are now: capabilities, findings, protected paths, escalations, size, changed tests, tests that fail or are missing.',
  fields: (t) => ({
    score: t.exposeFloat('score', { description: '0 when nothing stands out; there is no highest one.' }),
    reasons: t.stringList({
      description: 'In words, each with its place, the heaviest first.',
      resolve: ({ reasons }) => [...reasons],
    }),
  }),
})

const PushRef = builder.objectRef<PushRow>('Push').implement({
  description: "A commit's way to the project's remote. Its failure never undoes the commit.",
  fields: (t) => ({
    status: t.field({ type: PushStatusEnum, resolve: (push) => push.status }),
    attempts: t.exposeInt('attempts'),
    error: t.exposeString('error', { nullable: true, description: 'Of the latest attempt that failed.' }),
  }),
})

builder.node(DiffRef, {
  description: 'A proposed change: a patch on a base commit, with everything known about it.',
  id: { resolve: (diff) => diff.id },
  loadOne: async (id, context) => {
    const diff = await context.load.diff.load(id)
    return visible(context, diff, diff?.projectId)
  },
  fields: (t) => ({
    project: t.field({
      type: ProjectRef,
      resolve: async (diff, _, { load }) => found(await load.project.load(diff.projectId)),
    }),
    origin: t.field({ type: DiffOriginEnum, resolve: (diff) => diff.origin }),
    status: t.field({ type: DiffStatusEnum, resolve: (diff) => diff.status }),
    author: t.field({
      type: ActorRef,
      resolve: async (diff, _, { load }) => found(await load.actor.load(diff.authorId)),
    }),
    requestedBy: t.field({
      type: ActorRef,
      nullable: true,
      description: 'The person whose wish it was; counts as self, like the author.',
      resolve: (diff, _, { load }) => (diff.requestedById === null ? null : load.actor.load(diff.requestedById)),
    }),
    candidate: t.field({
      type: CandidateRef,
      nullable: true,
      resolve: (diff, _, { load }) => (diff.candidateId === null ? null : load.candidate.load(diff.candidateId)),
    }),
    baseCommit: t.exposeString('baseCommit'),
    targetBranch: t.exposeString('targetBranch'),
    drifted: t.boolean({
      description: 'True when the target branch is no longer at baseCommit, other than by this diff.',
      resolve: async (diff, _, { load }) =>
        diff.status !== 'COMMITTED' && (await load.project.load(diff.projectId))?.headCommit !== diff.baseCommit,
    }),
    content: t.exposeString('content', { description: 'The patch as it was applied.', extensions: megabytes }),
    contentHash: t.exposeString('contentHash', { description: 'SHA-256 of content. A review is bound to it.' }),
    changeHash: t.exposeString('changeHash', {
      description: 'Of what changes, without line numbers and base: the same before and after a clean rebase.',
    }),
    resultTree: t.exposeString('resultTree'),
    files: t.field({ type: [FileChangeRef], resolve: (diff) => [...shownFiles(diff)] }),
    additions: t.exposeInt('additions'),
    deletions: t.exposeInt('deletions'),
    hunks: t.exposeInt('hunks'),
    prompt: t.exposeString('prompt', {
      nullable: true,
      description: 'The task that it came from.',
      extensions: longText,
    }),
    commitMessage: t.exposeString('commitMessage', { description: 'Trailers are appended when it is committed.' }),
    messageHash: t.string({
      description: 'SHA-256 of commitMessage. A review is bound to it.',
      resolve: (diff) => sha256(diff.commitMessage),
    }),
    refiningMessage: t.boolean({
      description: 'True while the evaluator words the commit message anew.',
      resolve: ({ refinement }) => refinement?.failure === null,
    }),
    refinementFailure: t.string({
      nullable: true,
      description: 'Why the last refineCommitMessage left the message as it is; null after one that worked.',
      resolve: ({ refinement }) => refinement?.failure?.message ?? null,
    }),
    autoRebaseFailure: t.string({
      nullable: true,
      description:
        "Why this diff was not brought to the branch's head by itself, where the policy has autoRebase: a conflict, for example. It is tried again when the branch moves on.",
      resolve: ({ autoRebase }) => autoRebase?.failure ?? null,
    }),
    evaluatorReasoning: t.exposeString('evaluatorReasoning', {
      nullable: true,
      description: "Why a session's evaluator approved or rejected it, or why it could not judge.",
    }),
    humanFeedback: t.exposeString('humanFeedback', { nullable: true }),
    session: t.field({
      type: SessionRef,
      nullable: true,
      resolve: (diff, _, { load }) => (diff.sessionId === null ? null : load.session.load(diff.sessionId)),
    }),
    sprint: t.field({
      type: SprintRef,
      nullable: true,
      resolve: (diff, _, { load }) => (diff.sprintId === null ? null : load.sprint.load(diff.sprintId)),
    }),
    iteration: t.exposeInt('iteration'),
    supersedes: t.field({
      type: DiffRef,
      nullable: true,
      resolve: (diff, _, { load }) => (diff.supersedesId === null ? null : load.diff.load(diff.supersedesId)),
    }),
    supersededBy: t.field({
      type: DiffRef,
      nullable: true,
      resolve: async (diff, _, { load }) => (await load.supersedersOf.load(diff.id)).at(-1) ?? null,
    }),
    sinceLastSeen: t.string({
      nullable: true,
      description:
        'What changed since the viewer last opened or reviewed an earlier iteration of this change: a patch between the two result trees, empty when they are the same. Null if they have seen none.',
      extensions: megabytes,
      resolve: async (diff, _, { load, services }) => {
        const tree = await load.lastSeenTree.load(diff.id)
        return tree === null ? null : services.git.patchBetween(diff.projectId, tree, diff.resultTree)
      },
    }),
    risk: t.field({
      type: RiskRef,
      resolve: (diff, _, { load }) => load.risk.load(diff),
    }),
    safety: t.field({
      type: SafetyEvaluationRef,
      resolve: async (diff, _, { load }) => found(await load.safety.load(diff.safetyId)),
    }),
    reviews: t.field({
      type: [ReviewRef],
      description: 'Oldest first.',
      resolve: async (diff, _, { load }) => {
        // Whether a review still holds is asked of the diff.
        load.diff.prime(diff.id, diff)
        return [...(await load.reviewsOfDiff.load(diff.id))]
      },
    }),
    comments: t.field({
      type: [ReviewCommentRef],
      description: "Remarks that were sent with a review, and the viewer's own drafts; oldest first.",
      resolve: async (diff, _, context) =>
        (await context.load.commentsOfDiff.load(diff.id)).filter((comment) => isShown(comment, context)),
    }),
    approval: t.field({
      type: ApprovalStateRef,
      resolve: async (diff, _, { load }) => (await load.approval.load(diff)).state,
    }),
    testRuns: t.field({
      type: [TestRunRef],
      description: 'Newest first.',
      resolve: async (diff, _, { load }) => [...(await load.testRunsOfDiff.load(diff.id))],
    }),
    latestTestRun: t.field({
      type: TestRunRef,
      nullable: true,
      resolve: async (diff, _, { load }) => (await load.testRunsOfDiff.load(diff.id))[0] ?? null,
    }),
    commit: t.field({
      type: CommitRef,
      nullable: true,
      resolve: async (diff, _, { services }) => {
        const info = diff.commitOid && (await services.git.commitInfo(diff.projectId, diff.commitOid))
        return info ? { ...info, projectId: diff.projectId } : null
      },
    }),
    push: t.field({
      type: PushRef,
      nullable: true,
      description: 'Null unless it was committed while the project pushed its commits.',
      resolve: async (diff, _, { load }) => (await load.pushOf.load(diff.id))[0] ?? null,
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (diff) => diff.createdAt }),
    updatedAt: t.field({ type: 'DateTime', resolve: (diff) => diff.updatedAt }),
  }),
})

/** A row as it would be stored; the id is one that no row has. */
const unstoredEvaluation = (preview: DiffPreview): SafetyEvaluationRow => {
  const { evaluationHash, analyzerVersion } = preview.safety
  const id = evaluationHash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
  const { projectId, baseTree, resultTree } = preview
  return {
    id,
    projectId,
    baseTree,
    resultTree,
    analyzerVersion,
    evaluationHash,
    report: preview.safety,
    createdAt: preview.at,
  }
}

export const DiffPreviewRef = builder.objectRef<DiffPreview>('DiffPreview').implement({
  description: 'What proposeDiff would answer, and nothing stored.',
  fields: (t) => ({
    files: t.field({ type: [FileChangeRef], resolve: (preview) => [...shownFiles({ ...preview, id: null })] }),
    additions: t.exposeInt('additions'),
    deletions: t.exposeInt('deletions'),
    hunks: t.exposeInt('hunks'),
    safety: t.field({
      type: SafetyEvaluationRef,
      description: 'Its id names a stored evaluation only if the same change was proposed before.',
      resolve: async (preview, _, { load }) =>
        (preview.safetyId && (await load.safety.load(preview.safetyId))) || unstoredEvaluation(preview),
    }),
    resultTree: t.exposeString('resultTree'),
  }),
})
