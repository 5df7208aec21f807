import type { Capability } from '../ports/code-analyzer.ts'
import { type ApprovalPolicy, policyHash } from '../project/approval-policy.ts'
import { sha256 } from '../shared/canonical-hash.ts'
import type { TestRunStatus } from '../testing/test-run.status.ts'
import type { ReviewVerdict } from './review.entity.ts'

/** What a review is bound to. */
export interface Binding {
  readonly contentHash: string
  readonly evaluationHash: string
  readonly baseCommit: string
  readonly messageHash: string
  readonly policyHash: string
}

export interface ReviewFacts extends Binding {
  readonly verdict: ReviewVerdict
  readonly reviewerId: string
  /** Still a person who may review on this project. */
  readonly reviewerMayReview: boolean
}

export interface DiffFacts {
  readonly contentHash: string
  readonly evaluationHash: string
  readonly baseCommit: string
  readonly commitMessage: string
  /**
   * The author, the requester, in a session everybody who asked there, and the owners of all: one person when approvals
   * are counted.
   */
  readonly selfIds: readonly string[]
  readonly syntaxValid: boolean
  /** Of the uses that the change adds, also where a file that it touches had such a use before. */
  readonly addedCapabilities: readonly Capability[]
  /** What the newest results of its tests say together; null when none was run. */
  readonly tests: TestRunStatus | null
}

export interface ApprovalState {
  readonly required: number
  readonly given: number
  readonly satisfied: boolean
  /** In words, what is still needed. */
  readonly missing: readonly string[]
}

/** What an approval given now would be bound to. */
export const currentBinding = (diff: DiffFacts, policy: ApprovalPolicy): Binding => ({
  contentHash: diff.contentHash,
  evaluationHash: diff.evaluationHash,
  baseCommit: diff.baseCommit,
  messageHash: sha256(diff.commitMessage),
  policyHash: policyHash(policy),
})

/** A review holds for exactly what was reviewed; computed, never stored. */
export const stillHolds = (review: Binding, now: Binding): boolean =>
  review.contentHash === now.contentHash &&
  review.evaluationHash === now.evaluationHash &&
  review.baseCommit === now.baseCommit &&
  review.messageHash === now.messageHash &&
  review.policyHash === now.policyHash

const plural = (count: number, noun: string): string => `${count} more ${noun}${count === 1 ? '' : 's'}`

/** The approvals that count: by people who may, of what there is now, and of others' work where the policy says so. */
export const countedApprovals = <Review extends ReviewFacts>(
  diff: DiffFacts,
  policy: ApprovalPolicy,
  reviews: readonly Review[],
): readonly Review[] => {
  const now = currentBinding(diff, policy)
  return reviews.filter(
    (review) =>
      review.verdict === 'APPROVE' &&
      review.reviewerMayReview &&
      stillHolds(review, now) &&
      (policy.allowSelfApproval || !diff.selfIds.includes(review.reviewerId)),
  )
}

/** Whether a diff may be committed under a policy, and what is missing. Pure. */
export const approvalState = (
  diff: DiffFacts,
  policy: ApprovalPolicy,
  reviews: readonly ReviewFacts[],
): ApprovalState => {
  const given = new Set(countedApprovals(diff, policy, reviews).map((review) => review.reviewerId)).size
  const required = policy.requiredApprovals
  const blocked = diff.addedCapabilities.filter((capability) => policy.blockedCapabilities.includes(capability))
  const missing = [
    ...(given < required
      ? [
          `${plural(required - given, 'approval')} by ${policy.allowSelfApproval ? 'a person' : 'another person'} with the role REVIEWER`,
        ]
      : []),
    ...(diff.syntaxValid ? [] : ['code that parses']),
    ...blocked.map((capability) => `the policy blocks changes that add ${capability}`),
    ...(policy.requirePassingTests && diff.tests !== 'PASSED'
      ? [`a passing test run (the latest is ${diff.tests ?? 'missing'})`]
      : []),
  ]
  return { required, given, satisfied: missing.length === 0, missing }
}
