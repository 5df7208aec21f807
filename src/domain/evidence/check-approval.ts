import {
  approvalState,
  approvedByPeople,
  countedApprovals,
  type DiffFacts,
  type ReviewFacts,
} from '../approval/approval.ts'
import type { RulesMet } from '../approval/rules-met.ts'
import { policyHash, rulesOf } from '../project/approval-policy.ts'
import type { EvidencePredicate } from './statement.ts'

export interface StatedApproval {
  /** In words, what the policy would have asked for besides. */
  readonly missing: readonly string[]
  /** Whose approvals count, a rule's among them. */
  readonly reviewers: readonly { readonly name: string; readonly email: string }[]
}

/** The rules that are stated to have been met, but for those that approve what the rest of the statement says they do not. */
const believable = ({ policy, evaluation, diff }: EvidencePredicate): RulesMet => {
  const { met, rules } = policy
  const needsPerson =
    met.guardedTests.length + met.protectedPaths.length + met.escalations.length > 0 ||
    evaluation.issues + evaluation.warnings > 0 ||
    evaluation.addedCapabilities.some((capability) => rules.blockedCapabilities.includes(capability))
  const permits = (name: string): boolean => {
    const rule = rules.autoApprove?.find((each) => each.name === name)
    return (
      rule !== undefined &&
      evaluation.addedCapabilities.every((capability) => rule.allowedCapabilities.includes(capability)) &&
      (rule.maxChangedLines === null || (diff.lines !== undefined && diff.lines <= rule.maxChangedLines))
    )
  }
  return { ...met, autoApprove: needsPerson ? [] : met.autoApprove.filter(permits) }
}

/** Judges by the rules that a statement lists whether the reviews and tests that it lists are enough. Pure. */
export const statedApproval = (evidence: EvidencePredicate): StatedApproval => {
  const { diff, base, commit, committer, evaluation, policy, tests } = evidence
  const authorAndRequester = [diff.author, ...(diff.requester === null ? [] : [diff.requester])]
  const rules = rulesOf(policy.rules)
  const facts: DiffFacts = {
    contentHash: diff.contentHash,
    evaluationHash: evaluation.hash,
    baseCommit: base.commit,
    commitMessage: commit.message,
    selfIds: [
      ...authorAndRequester.flatMap(({ id, ownerId }) => (ownerId === null ? [id] : [id, ownerId])),
      ...(diff.selfIds ?? []),
    ],
    syntaxValid: evaluation.syntaxValid,
    addedCapabilities: evaluation.addedCapabilities,
    met: believable(evidence),
    tests: tests.status,
  }
  const reviews = evidence.reviews.map((review) => ({
    ...review,
    reviewerId: review.reviewer.id,
    reviewerMayReview: review.mayReview,
    reviewerIsAdmin: review.isAdmin,
    // Bound to the rules as they are stated, which may be fewer than are judged by.
    policyHash: review.policyHash === policy.hash ? policyHash(rules) : review.policyHash,
  })) satisfies readonly ReviewFacts[]
  const mayCommit = committer.kind === 'HUMAN' || (rules.agentsMayCommit && approvedByPeople(facts, rules, reviews))
  return {
    missing: [
      ...(policyHash(policy.rules) === policy.hash ? [] : ['rules with the hash that the reviews are bound to']),
      ...approvalState(facts, rules, reviews).missing,
      ...(mayCommit ? [] : ['a person who commits it']),
    ],
    reviewers: countedApprovals(facts, rules, reviews).map(({ reviewer }) => reviewer),
  }
}
