import type { DiffStatus } from '../../src/domain/diff/diff.status.ts'

/** Who asks: people by their role, the diff's own author among them, and programs that have every right. */
export const callers = ['nobody', 'viewer', 'author', 'owner', 'reviewer', 'admin', 'agent', 'service'] as const
export type Caller = (typeof callers)[number]

/** What is asked of a diff; the mutations, and where one asks for two things, both. */
export const operations = [
  'openReview',
  'approve',
  'reject',
  'addReviewComment',
  'deleteReviewComment',
  'markFileReviewed',
  'testDiff',
  'updateCommitMessage',
  'refineCommitMessage',
  'keepHunks',
  'rebaseDiff',
  'rebaseDrifted',
  'commitDiff',
  'revertDiff',
] as const
export type Operation = (typeof operations)[number]

/** The diff's status afterwards, or the error, after which nothing is different. */
export type Outcome =
  | DiffStatus
  | 'NotFoundError'
  | 'ForbiddenError'
  | 'InvalidTransitionError'
  | 'ApprovalRequiredError'

type Cells<Columns extends readonly unknown[]> = { readonly [Each in keyof Columns]: Outcome }
type Row = Cells<typeof callers>

const gone = 'NotFoundError'
const deny = 'ForbiddenError'
const late = 'InvalidTransitionError'
const more = 'ApprovalRequiredError'
const open = 'PROPOSED'
const doubted = 'EVALUATOR_REJECTED'
const praised = 'EVALUATOR_APPROVED'
const reading = 'HUMAN_REVIEWING'
const approved = 'APPROVED'
const rejected = 'HUMAN_REJECTED'
const landing = 'COMMITTING'
const done = 'COMMITTED'
const replaced = 'SUPERSEDED'

/** Every state, operation and caller under the default policy, in the order of `callers`. */
export const table: Readonly<Record<DiffStatus, Readonly<Record<Operation, Row>>>> = {
  PROPOSED: {
    openReview: [gone, deny, deny, deny, reading, reading, deny, deny],
    approve: [gone, deny, deny, deny, approved, approved, deny, deny],
    reject: [gone, deny, deny, deny, rejected, rejected, deny, deny],
    addReviewComment: [gone, deny, deny, deny, open, open, deny, deny],
    deleteReviewComment: [gone, open, open, open, open, open, open, open],
    markFileReviewed: [gone, open, open, open, open, open, open, open],
    testDiff: [gone, deny, open, open, open, open, open, open],
    updateCommitMessage: [gone, deny, deny, open, open, open, open, open],
    refineCommitMessage: [gone, deny, deny, open, open, open, open, open],
    keepHunks: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    rebaseDiff: [gone, deny, deny, open, open, open, open, open],
    rebaseDrifted: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    commitDiff: [gone, deny, deny, deny, more, more, deny, deny],
    revertDiff: [gone, deny, late, late, late, late, late, late],
  },
  EVALUATOR_REJECTED: {
    openReview: [gone, deny, deny, deny, reading, reading, deny, deny],
    approve: [gone, deny, deny, deny, late, late, deny, deny],
    reject: [gone, deny, deny, deny, late, late, deny, deny],
    addReviewComment: [gone, deny, deny, deny, doubted, doubted, deny, deny],
    deleteReviewComment: [gone, doubted, doubted, doubted, doubted, doubted, doubted, doubted],
    markFileReviewed: [gone, doubted, doubted, doubted, doubted, doubted, doubted, doubted],
    testDiff: [gone, deny, doubted, doubted, doubted, doubted, doubted, doubted],
    updateCommitMessage: [gone, deny, deny, doubted, doubted, doubted, doubted, doubted],
    refineCommitMessage: [gone, deny, deny, doubted, doubted, doubted, doubted, doubted],
    keepHunks: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    rebaseDiff: [gone, deny, deny, doubted, doubted, doubted, doubted, doubted],
    rebaseDrifted: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    commitDiff: [gone, deny, deny, deny, late, late, deny, deny],
    revertDiff: [gone, deny, late, late, late, late, late, late],
  },
  EVALUATOR_APPROVED: {
    openReview: [gone, deny, deny, deny, reading, reading, deny, deny],
    approve: [gone, deny, deny, deny, approved, approved, deny, deny],
    reject: [gone, deny, deny, deny, rejected, rejected, deny, deny],
    addReviewComment: [gone, deny, deny, deny, praised, praised, deny, deny],
    deleteReviewComment: [gone, praised, praised, praised, praised, praised, praised, praised],
    markFileReviewed: [gone, praised, praised, praised, praised, praised, praised, praised],
    testDiff: [gone, deny, praised, praised, praised, praised, praised, praised],
    updateCommitMessage: [gone, deny, deny, praised, praised, praised, praised, praised],
    refineCommitMessage: [gone, deny, deny, praised, praised, praised, praised, praised],
    keepHunks: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    rebaseDiff: [gone, deny, deny, praised, praised, praised, praised, praised],
    rebaseDrifted: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    commitDiff: [gone, deny, deny, deny, more, more, deny, deny],
    revertDiff: [gone, deny, late, late, late, late, late, late],
  },
  HUMAN_REVIEWING: {
    openReview: [gone, deny, deny, deny, reading, reading, deny, deny],
    approve: [gone, deny, deny, deny, approved, approved, deny, deny],
    reject: [gone, deny, deny, deny, rejected, rejected, deny, deny],
    addReviewComment: [gone, deny, deny, deny, reading, reading, deny, deny],
    deleteReviewComment: [gone, reading, reading, reading, reading, reading, reading, reading],
    markFileReviewed: [gone, reading, reading, reading, reading, reading, reading, reading],
    testDiff: [gone, deny, reading, reading, reading, reading, reading, reading],
    updateCommitMessage: [gone, deny, deny, reading, reading, reading, reading, reading],
    refineCommitMessage: [gone, deny, deny, reading, reading, reading, reading, reading],
    keepHunks: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    rebaseDiff: [gone, deny, deny, reading, reading, reading, reading, reading],
    rebaseDrifted: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    commitDiff: [gone, deny, deny, deny, more, more, deny, deny],
    revertDiff: [gone, deny, late, late, late, late, late, late],
  },
  APPROVED: {
    openReview: [gone, deny, deny, deny, approved, approved, deny, deny],
    approve: [gone, deny, deny, deny, approved, approved, deny, deny],
    reject: [gone, deny, deny, deny, rejected, rejected, deny, deny],
    addReviewComment: [gone, deny, deny, deny, approved, approved, deny, deny],
    deleteReviewComment: [gone, approved, approved, approved, approved, approved, approved, approved],
    markFileReviewed: [gone, approved, approved, approved, approved, approved, approved, approved],
    testDiff: [gone, deny, approved, approved, approved, approved, approved, approved],
    updateCommitMessage: [gone, deny, deny, reading, reading, reading, reading, reading],
    refineCommitMessage: [gone, deny, deny, reading, reading, reading, reading, reading],
    keepHunks: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    rebaseDiff: [gone, deny, deny, approved, approved, approved, approved, approved],
    rebaseDrifted: [gone, deny, deny, replaced, replaced, replaced, replaced, replaced],
    commitDiff: [gone, deny, deny, deny, done, done, deny, deny],
    revertDiff: [gone, deny, late, late, late, late, late, late],
  },
  HUMAN_REJECTED: {
    openReview: [gone, deny, deny, deny, late, late, deny, deny],
    approve: [gone, deny, deny, deny, late, late, deny, deny],
    reject: [gone, deny, deny, deny, late, late, deny, deny],
    addReviewComment: [gone, deny, deny, deny, late, late, deny, deny],
    deleteReviewComment: [gone, rejected, rejected, rejected, rejected, rejected, rejected, rejected],
    markFileReviewed: [gone, rejected, rejected, rejected, rejected, rejected, rejected, rejected],
    testDiff: [gone, deny, rejected, rejected, rejected, rejected, rejected, rejected],
    updateCommitMessage: [gone, deny, deny, late, late, late, late, late],
    refineCommitMessage: [gone, deny, deny, late, late, late, late, late],
    keepHunks: [gone, deny, deny, late, late, late, late, late],
    rebaseDiff: [gone, deny, deny, late, late, late, late, late],
    rebaseDrifted: [gone, deny, deny, late, late, late, late, late],
    commitDiff: [gone, deny, deny, deny, late, late, deny, deny],
    revertDiff: [gone, deny, late, late, late, late, late, late],
  },
  COMMITTING: {
    openReview: [gone, deny, deny, deny, late, late, deny, deny],
    approve: [gone, deny, deny, deny, late, late, deny, deny],
    reject: [gone, deny, deny, deny, late, late, deny, deny],
    addReviewComment: [gone, deny, deny, deny, late, late, deny, deny],
    deleteReviewComment: [gone, landing, landing, landing, landing, landing, landing, landing],
    markFileReviewed: [gone, landing, landing, landing, landing, landing, landing, landing],
    testDiff: [gone, deny, landing, landing, landing, landing, landing, landing],
    updateCommitMessage: [gone, deny, deny, late, late, late, late, late],
    refineCommitMessage: [gone, deny, deny, late, late, late, late, late],
    keepHunks: [gone, deny, deny, late, late, late, late, late],
    rebaseDiff: [gone, deny, deny, late, late, late, late, late],
    rebaseDrifted: [gone, deny, deny, late, late, late, late, late],
    commitDiff: [gone, deny, deny, deny, late, late, deny, deny],
    revertDiff: [gone, deny, late, late, late, late, late, late],
  },
  COMMITTED: {
    openReview: [gone, deny, deny, deny, late, late, deny, deny],
    approve: [gone, deny, deny, deny, late, late, deny, deny],
    reject: [gone, deny, deny, deny, late, late, deny, deny],
    addReviewComment: [gone, deny, deny, deny, late, late, deny, deny],
    deleteReviewComment: [gone, done, done, done, done, done, done, done],
    markFileReviewed: [gone, done, done, done, done, done, done, done],
    testDiff: [gone, deny, done, done, done, done, done, done],
    updateCommitMessage: [gone, deny, deny, late, late, late, late, late],
    refineCommitMessage: [gone, deny, deny, late, late, late, late, late],
    keepHunks: [gone, deny, deny, late, late, late, late, late],
    rebaseDiff: [gone, deny, deny, late, late, late, late, late],
    rebaseDrifted: [gone, deny, deny, late, late, late, late, late],
    commitDiff: [gone, deny, deny, deny, late, late, deny, deny],
    revertDiff: [gone, deny, done, done, done, done, done, done],
  },
  SUPERSEDED: {
    openReview: [gone, deny, deny, deny, late, late, deny, deny],
    approve: [gone, deny, deny, deny, late, late, deny, deny],
    reject: [gone, deny, deny, deny, late, late, deny, deny],
    addReviewComment: [gone, deny, deny, deny, late, late, deny, deny],
    deleteReviewComment: [gone, replaced, replaced, replaced, replaced, replaced, replaced, replaced],
    markFileReviewed: [gone, replaced, replaced, replaced, replaced, replaced, replaced, replaced],
    testDiff: [gone, deny, replaced, replaced, replaced, replaced, replaced, replaced],
    updateCommitMessage: [gone, deny, deny, late, late, late, late, late],
    refineCommitMessage: [gone, deny, deny, late, late, late, late, late],
    keepHunks: [gone, deny, deny, late, late, late, late, late],
    rebaseDiff: [gone, deny, deny, late, late, late, late, late],
    rebaseDrifted: [gone, deny, deny, late, late, late, late, late],
    commitDiff: [gone, deny, deny, deny, late, late, deny, deny],
    revertDiff: [gone, deny, late, late, late, late, late, late],
  },
}
