import { approvalState, countedApprovals, type DiffFacts, type ReviewFacts } from '../diff/approval.ts'
import { policyHash } from '../project/approval-policy.ts'
import type { EvidencePredicate } from './statement.ts'

export interface StatedApproval {
  /** In words, what the policy would have asked for besides. */
  readonly missing: readonly string[]
  /** Whose approvals count. */
  readonly reviewers: readonly { readonly name: string; readonly email: string }[]
}

/** Judges by the rules that a statement lists whether the reviews and tests that it lists are enough. Pure. */
export const statedApproval = (evidence: EvidencePredicate): StatedApproval => {
  const { diff, base, commit, evaluation, policy, tests } = evidence
  const authorAndRequester = [diff.author, ...(diff.requester === null ? [] : [diff.requester])]
  const facts: DiffFacts = {
    contentHash: diff.contentHash,
    evaluationHash: evaluation.hash,
    baseCommit: base.commit,
    commitMessage: commit.message,
    selfIds: authorAndRequester.flatMap(({ id, ownerId }) => (ownerId === null ? [id] : [id, ownerId])),
    syntaxValid: evaluation.syntaxValid,
    addedCapabilities: evaluation.addedCapabilities,
    tests: tests.status,
  }
  const reviews = evidence.reviews.map((review) => ({
    ...review,
    reviewerId: review.reviewer.id,
    reviewerMayReview: review.mayReview,
  })) satisfies readonly ReviewFacts[]
  return {
    missing: [
      ...(policyHash(policy.rules) === policy.hash ? [] : ['rules with the hash that the reviews are bound to']),
      ...approvalState(facts, policy.rules, reviews).missing,
    ],
    reviewers: countedApprovals(facts, policy.rules, reviews).map(({ reviewer }) => reviewer),
  }
}
