import type { Capability } from '../ports/code-analyzer.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'

/** Rules for when a person is needed, and how many. */
export interface ApprovalPolicy {
  readonly requiredApprovals: number
  readonly allowSelfApproval: boolean
  readonly requirePassingTests: boolean
  /** A diff that adds one of these cannot be committed. */
  readonly blockedCapabilities: readonly Capability[]
}

/** One person must be able to start, so self-approval is allowed until somebody says otherwise. */
export const defaultPolicy: ApprovalPolicy = {
  requiredApprovals: 1,
  allowSelfApproval: true,
  requirePassingTests: false,
  blockedCapabilities: [],
}

/** SHA-256 over the policy's canonical form: an approval holds under one policy, in whatever order it is written. */
export const policyHash = (policy: ApprovalPolicy): string =>
  canonicalHash({ ...policy, blockedCapabilities: [...new Set(policy.blockedCapabilities)].sort() })
