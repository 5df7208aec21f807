import type { Capability } from '../ports/code-analyzer.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'

/** These capabilities, added on these paths, need so many approvals. An empty list leaves open which. */
export interface EscalationRule {
  readonly name: string
  readonly capabilities: readonly Capability[]
  /** Globs. */
  readonly paths: readonly string[]
  readonly requiredApprovals: number
}

/** Changes that need no person: what they may touch, and what they may newly do. */
export interface AutoApproveRule {
  readonly name: string
  /** None: the change may add no capability at all. */
  readonly allowedCapabilities: readonly Capability[]
  /** Globs; every path that the change touches matches one of them. */
  readonly paths: readonly string[]
  /** Added and removed lines together; null is no limit. */
  readonly maxChangedLines: number | null
  readonly requirePassingTests: boolean
}

/** Rules for when a person is needed, and how many. */
export interface ApprovalPolicy {
  readonly requiredApprovals: number
  readonly allowSelfApproval: boolean
  readonly requirePassingTests: boolean
  /** Tests that a diff edits or deletes need one approval more. */
  readonly guardTests: boolean
  /** A diff whose branch has moved is rebased by itself. */
  readonly autoRebase: boolean
  /** An AGENT or SERVICE may commit what people approved. */
  readonly agentsMayCommit: boolean
  /** A diff that adds one of these cannot be committed. */
  readonly blockedCapabilities: readonly Capability[]
  /** Globs; a change there needs an approval by an ADMIN. */
  readonly protectedPaths: readonly string[]
  readonly escalations: readonly EscalationRule[]
  readonly autoApprove: readonly AutoApproveRule[]
}

/** One person must be able to start, so self-approval is allowed until somebody says otherwise. */
export const defaultPolicy: ApprovalPolicy = {
  requiredApprovals: 1,
  allowSelfApproval: true,
  requirePassingTests: false,
  guardTests: true,
  autoRebase: false,
  agentsMayCommit: false,
  blockedCapabilities: [],
  protectedPaths: [],
  escalations: [],
  autoApprove: [],
}

/** The fields that the first policies had; those that came later a signed policy of that time does not state. */
type FirstFields = 'requiredApprovals' | 'allowSelfApproval' | 'requirePassingTests' | 'blockedCapabilities'

/** A policy as evidence states it. */
export type StatedPolicy = Pick<ApprovalPolicy, FirstFields> & {
  readonly [Field in Exclude<keyof ApprovalPolicy, FirstFields>]?: ApprovalPolicy[Field] | undefined
}

/** What a stated policy asked for: a rule that it does not state was none. */
export const rulesOf = (stated: StatedPolicy): ApprovalPolicy => ({
  ...stated,
  guardTests: stated.guardTests ?? false,
  autoRebase: stated.autoRebase ?? false,
  agentsMayCommit: stated.agentsMayCommit ?? false,
  protectedPaths: stated.protectedPaths ?? [],
  escalations: stated.escalations ?? [],
  autoApprove: stated.autoApprove ?? [],
})

const sortedSet = <Item extends string>(items: readonly Item[]): readonly Item[] => [...new Set(items)].sort()

const byName = <Rule extends { readonly name: string }>(rules: readonly Rule[]): readonly Rule[] =>
  rules.toSorted((a, b) => (a.name < b.name ? -1 : 1))

/** SHA-256 over the policy's canonical form: an approval holds under one policy, in whatever order it is written. */
export const policyHash = (policy: StatedPolicy): string =>
  canonicalHash({
    ...policy,
    blockedCapabilities: sortedSet(policy.blockedCapabilities),
    protectedPaths: policy.protectedPaths && sortedSet(policy.protectedPaths),
    escalations:
      policy.escalations &&
      byName(policy.escalations).map((rule) => ({
        ...rule,
        capabilities: sortedSet(rule.capabilities),
        paths: sortedSet(rule.paths),
      })),
    autoApprove:
      policy.autoApprove &&
      byName(policy.autoApprove).map((rule) => ({
        ...rule,
        allowedCapabilities: sortedSet(rule.allowedCapabilities),
        paths: sortedSet(rule.paths),
      })),
  })
