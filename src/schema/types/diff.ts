import type { ApprovalState } from '../../domain/approval/approval.ts'
import type { Approval } from '../../domain/approval/load-approval.ts'
import type { PushRow } from '../../domain/commit/push.entity.ts'
import type { DiffFile, DiffRow } from '../../domain/diff/diff.entity.ts'
import { type Hunk, parseHunks } from '../../domain/diff/hunks.ts'
import type { DiffPreview } from '../../domain/diff/preview-diff.ts'
import type { ReviewRow } from '../../domain/review/review.entity.ts'
import type { Risk } from '../../domain/risk/risk.ts'
import type { SafetyEvaluationRow } from '../../domain/safety/safety-evaluation.entity.ts'
import { sha256 } from '../../domain/shared/canonical-hash.ts'
import { builder } from '../builder.ts'
import { ChangeKindEnum, DiffOriginEnum, DiffStatusEnum, PushStatusEnum, ReviewVerdictEnum } from '../enums.ts'
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
import { FileContentRef } from './file.ts'
import { isShown } from './review-comment.ts'

interface IndexedHunk extends Hunk {
  readonly index: number
}

const HunkRef = builder.objectRef<IndexedHunk>('Hunk').implement({
  description: 'One connected change.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Counts from 0 over the whole diff.' }),
    header: t.exposeString('header'),
    oldStart: t.exposeInt('oldStart'),
    oldLines: t.exposeInt('oldLines'),
    newStart: t.exposeInt('newStart'),
    newLines: t.exposeInt('newLines'),
    text: t.exposeString('text'),
  }),
})

/** What the files of a diff, stored or not, are read from. */
type FileOwner = Pick<DiffRow, 'projectId' | 'baseTree' | 'resultTree' | 'files'> & {
  /** Null of what is not stored, on which nobody can have a mark. */
  readonly id: string | null
}

interface ShownFile extends DiffFile {
  readonly diff: FileOwner
  readonly hunksBefore: number
}

/** A diff's files with the place of each one's first hunk. */
const shownFiles = (diff: FileOwner): readonly ShownFile[] => {
  let hunksBefore = 0
  return diff.files.map((file) => {
    const shown = { ...file, diff, hunksBefore }
    hunksBefore += parseHunks(file.patch).length
    return shown
  })
}

const FileChangeRef = builder.objectRef<ShownFile>('FileChange').implement({
  description: 'What happens to one file, read from the trees before and after.',
  fields: (t) => ({
    path: t.exposeString('path'),
    previousPath: t.exposeString('previousPath', { nullable: true, description: 'For a rename or copy.' }),
    kind: t.field({ type: ChangeKindEnum, resolve: (file) => file.kind }),
    isBinary: t.exposeBoolean('isBinary'),
    additions: t.exposeInt('additions'),
    deletions: t.exposeInt('deletions'),
    before: t.field({
      type: FileContentRef,
      nullable: true,
      resolve: ({ diff, path, previousPath, kind }, _, { services }) =>
        kind === 'ADDED' ? null : services.git.readFile(diff.projectId, diff.baseTree, previousPath ?? path),
    }),
    after: t.field({
      type: FileContentRef,
      nullable: true,
      resolve: ({ diff, path, kind }, _, { services }) =>
        kind === 'DELETED' ? null : services.git.readFile(diff.projectId, diff.resultTree, path),
    }),
    patch: t.exposeString('patch'),
    hunks: t.field({
      type: [HunkRef],
      resolve: (file) => parseHunks(file.patch).map((hunk, index) => ({ ...hunk, index: file.hunksBefore + index })),
    }),
    isTest: t.exposeBoolean('isTest', { description: 'A test, or what decides how tests run.' }),
    reviewedByViewer: t.boolean({
      description:
        'Whether the viewer has marked it as reviewed, here or in another iteration in which its change is the same.',
      resolve: async ({ diff: { id, baseTree }, ...file }, _, { load }) =>
        id !== null && (await load.isRead.load({ id, baseTree }))(file),
    }),
  }),
})

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

interface ShownReview extends ReviewRow {
  readonly stillHolds: boolean
}

const ReviewRef = builder.objectRef<ShownReview>('Review')
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

const shownReviews = (approval: Approval): readonly ShownReview[] =>
  approval.reviews.map((review) => ({ ...review, stillHolds: approval.holding.has(review.id) }))

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
    content: t.exposeString('content', { description: 'The patch as it was applied.' }),
    contentHash: t.exposeString('contentHash', { description: 'SHA-256 of content. A review is bound to it.' }),
    changeHash: t.exposeString('changeHash', {
      description: 'Of what changes, without line numbers and base: the same before and after a clean rebase.',
    }),
    resultTree: t.exposeString('resultTree'),
    files: t.field({ type: [FileChangeRef], resolve: (diff) => [...shownFiles(diff)] }),
    additions: t.exposeInt('additions'),
    deletions: t.exposeInt('deletions'),
    hunks: t.exposeInt('hunks'),
    prompt: t.exposeString('prompt', { nullable: true, description: 'The task that it came from.' }),
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
      resolve: async (diff, _, { load }) => [...shownReviews(await load.approval.load(diff))],
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
