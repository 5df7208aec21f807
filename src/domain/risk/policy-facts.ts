import { metBy } from '../approval/rules-met.ts'
import { capabilities } from '../ports/code-analyzer.ts'
import type { ApprovalPolicy } from '../project/approval-policy.ts'
import { pathMatcher } from '../project/path-globs.ts'
import type { PolicyFacts } from './risk.ts'
import type { RiskFacts } from './risk-facts.ts'

/** What a policy says of any diff, by the short facts that are kept of it. Its globs are compiled once. */
export const policyFacts = (policy: ApprovalPolicy): ((facts: RiskFacts) => PolicyFacts) => {
  const isProtected = pathMatcher(policy.protectedPaths)
  const escalations = policy.escalations.map((rule) => ({ name: rule.name, meets: metBy(rule) }))
  return ({ paths, uses, moved }) => ({
    blocked: capabilities.filter(
      (capability) =>
        policy.blockedCapabilities.includes(capability) && uses.some((use) => use.capability === capability),
    ),
    protectedPaths: paths.filter((path) => isProtected(path) !== undefined),
    escalations: escalations
      .filter(({ meets }) => meets({ paths, moved, addedUses: uses }) !== undefined)
      .map(({ name }) => name),
  })
}
