import type { Capability } from '../ports/code-analyzer.ts'
import { type ApprovalPolicy, policyHash } from '../project/approval-policy.ts'
import type { ReviewVerdict } from '../review/review.entity.ts'
import { sha256 } from '../shared/canonical-hash.ts'
import type { TestRunStatus } from '../testing/test-run.status.ts'
import type { RulesMet } from './rules-met.ts'

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
  /** Still an administrator of the project, who gave it with an administrator's token. */
  readonly reviewerIsAdmin: boolean
  /** The auto-approve rule whose approval it is; null for a person's. */
  readonly rule: string | null
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
  /** Of the policy that it is judged by. */
  readonly met: RulesMet
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

/** Whether what was reviewed is what there is now. */
const isOfNow = (review: Binding, now: Binding): boolean =>
  review.contentHash === now.contentHash &&
  review.evaluationHash === now.evaluationHash &&
  review.baseCommit === now.baseCommit &&
  review.messageHash === now.messageHash &&
  review.policyHash === now.policyHash

/** The names of the rules by which a diff needs no person, as its tests are now. */
export const permittingRules = (diff: Pick<DiffFacts, 'met' | 'tests'>, policy: ApprovalPolicy): readonly string[] =>
  policy.autoApprove
    .filter(({ name, requirePassingTests }) => {
      return diff.met.autoApprove.includes(name) && (!requirePassingTests || diff.tests === 'PASSED')
    })
    .map(({ name }) => name)

/**
 * A review holds for exactly what was reviewed, and a rule's while the rule still permits it; computed, never stored.
 */
export const stillHolds = (
  review: Binding & Pick<ReviewFacts, 'rule'>,
  diff: DiffFacts,
  policy: ApprovalPolicy,
): boolean =>
  isOfNow(review, currentBinding(diff, policy)) &&
  (review.rule === null || permittingRules(diff, policy).includes(review.rule))

/**
 * The approvals that count: by a rule, and by people who may, of what there is now, and of others' work where the policy
 * says so.
 */
export const countedApprovals = <Review extends ReviewFacts>(
  diff: DiffFacts,
  policy: ApprovalPolicy,
  reviews: readonly Review[],
): readonly Review[] =>
  reviews.filter(
    (review) =>
      review.verdict === 'APPROVE' &&
      stillHolds(review, diff, policy) &&
      (review.rule !== null ||
        (review.reviewerMayReview && (policy.allowSelfApproval || !diff.selfIds.includes(review.reviewerId)))),
  )

const most = 3

/** Paths as they are read: quoted, and not all of many. */
const listed = (paths: readonly string[]): string => {
  const named = paths.slice(0, most).map((path) => JSON.stringify(path))
  return paths.length > most ? `${named.join(', ')} and ${paths.length - most} more` : named.join(', ')
}

interface Demand {
  readonly required: number
  /** Why it is more than the policy's number, in words. */
  readonly reasons: readonly string[]
}

/** How many people have to approve: the most that any rule asks for, and one more where tests were changed. */
const demandOf = ({ met }: DiffFacts, policy: ApprovalPolicy): Demand => {
  const escalations = met.escalations.flatMap((escalation) => {
    const rule = policy.escalations.find(({ name }) => name === escalation.name)
    return rule && rule.requiredApprovals > policy.requiredApprovals ? [{ ...escalation, rule }] : []
  })
  const required = Math.max(
    policy.requiredApprovals,
    met.protectedPaths.length > 0 ? 1 : 0,
    ...escalations.map(({ rule }) => rule.requiredApprovals),
  )
  const reasons = escalations.map(({ name, rule, capability, path }) => {
    const what = capability === null ? `the change of ${listed([path])}` : `${capability} in ${listed([path])}`
    return `the escalation "${name}" asks for ${rule.requiredApprovals}, because of ${what}`
  })
  if (met.guardedTests.length === 0) return { required, reasons }
  const guard = `one more than otherwise, because the change edits or deletes tests: ${listed(met.guardedTests)}`
  return { required: required + 1, reasons: [...reasons, guard] }
}

const approvalsMissing = (count: number, reasons: readonly string[], maySelfApprove: boolean): readonly string[] => {
  if (count <= 0) return []
  const whose = `${maySelfApprove ? 'a person' : 'another person'} with the role REVIEWER`
  const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`
  return [`${count} more approval${count === 1 ? '' : 's'} by ${whose}${why}`]
}

const adminMissing = (paths: readonly string[], { allowSelfApproval }: ApprovalPolicy): string =>
  `an approval by ${allowSelfApproval ? 'a person' : 'another person'} with the role ADMIN, because the policy protects ${listed(paths)}`

/** Whether a diff may be committed under a policy, and what is missing. Pure. */
export const approvalState = (
  diff: DiffFacts,
  policy: ApprovalPolicy,
  reviews: readonly ReviewFacts[],
): ApprovalState => {
  const counted = countedApprovals(diff, policy, reviews)
  const byPeople = counted.filter(({ rule }) => rule === null)
  const isSelf = ({ reviewerId }: ReviewFacts): boolean => diff.selfIds.includes(reviewerId)
  const others = new Set(byPeople.filter((review) => !isSelf(review)).map(({ reviewerId }) => reviewerId)).size
  const hasSelf = byPeople.some(isSelf)
  const people = others + (hasSelf ? 1 : 0)
  const { required, reasons } = demandOf(diff, policy)
  // A rule speaks for as many as the policy asks for: it is never met where more are asked for.
  const given = byPeople.length < counted.length ? Math.max(people, required) : people
  const blocked = diff.addedCapabilities.filter((capability) => policy.blockedCapabilities.includes(capability))
  const { protectedPaths } = diff.met
  const missing = [
    ...approvalsMissing(required - given, reasons, policy.allowSelfApproval && !hasSelf),
    ...(protectedPaths.length === 0 || byPeople.some(({ reviewerIsAdmin }) => reviewerIsAdmin)
      ? []
      : [adminMissing(protectedPaths, policy)]),
    ...(diff.syntaxValid ? [] : ['code that parses']),
    ...blocked.map((capability) => `the policy blocks changes that add ${capability}`),
    ...(policy.requirePassingTests && diff.tests !== 'PASSED'
      ? [`a passing test run (the latest is ${diff.tests ?? 'missing'})`]
      : []),
  ]
  return { required, given, satisfied: missing.length === 0, missing }
}

/** Whether people alone satisfied the policy, one of them at least: what a rule approved, or nobody, is not theirs. */
export const approvedByPeople = (diff: DiffFacts, policy: ApprovalPolicy, reviews: readonly ReviewFacts[]): boolean => {
  const byPeople = reviews.filter(({ rule }) => rule === null)
  return countedApprovals(diff, policy, byPeople).length > 0 && approvalState(diff, policy, byPeople).satisfied
}
