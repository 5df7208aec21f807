import type { Capability } from '../ports/code-analyzer.ts'
import type { ApprovalPolicy, AutoApproveRule, EscalationRule } from '../project/approval-policy.ts'
import { pathMatcher } from '../project/path-globs.ts'
import type { ChangeFacts } from './change-facts.ts'

/** An escalation that a change meets, with the first thing in it that does. */
export interface MetEscalation {
  readonly name: string
  /** Null where the rule names none, and for a file that moves there. */
  readonly capability: Capability | null
  readonly path: string
}

/** Which of a policy's rules a change meets. */
export interface RulesMet {
  /** The tests that it edits or deletes, where the policy guards them. */
  readonly guardedTests: readonly string[]
  /** The paths that it changes and the policy protects. */
  readonly protectedPaths: readonly string[]
  readonly escalations: readonly MetEscalation[]
  /** Names of the rules by which no person is needed, tests aside. */
  readonly autoApprove: readonly string[]
}

type Met = Omit<MetEscalation, 'name'>

/** Says what in a change meets a rule. The rule's globs are compiled once, for however many changes. */
export const metBy = (
  rule: EscalationRule,
): ((change: Pick<ChangeFacts, 'paths' | 'addedUses' | 'moved'>) => Met | undefined) => {
  const match = pathMatcher(rule.paths)
  const covers = (path: string): boolean => rule.paths.length === 0 || match(path) !== undefined
  return ({ paths, addedUses, moved }) => {
    if (rule.capabilities.length === 0) {
      const path = paths.find(covers)
      return path === undefined ? undefined : { capability: null, path }
    }
    const use = addedUses.find(({ capability, path }) => rule.capabilities.includes(capability) && covers(path))
    if (use) return { capability: use.capability, path: use.path }
    // What moves within the rule's paths, or within those outside, was there before.
    const file = moved.find(({ from, to }) => covers(to) && !covers(from))
    return file && { capability: null, path: file.to }
  }
}

const permits = (rule: AutoApproveRule, change: ChangeFacts): boolean => {
  const match = pathMatcher(rule.paths)
  return (
    change.addedUses.every(({ capability }) => rule.allowedCapabilities.includes(capability)) &&
    change.paths.every((path) => match(path) !== undefined) &&
    (rule.maxChangedLines === null || change.lines <= rule.maxChangedLines)
  )
}

/**
 * Looks at a change through a policy. Pure.
 * @param mayBeAutomatic false for a change that an evaluator has not approved, which a person has to look at
 */
export const rulesMet = (change: ChangeFacts, policy: ApprovalPolicy, mayBeAutomatic: boolean): RulesMet => {
  const isProtected = pathMatcher(policy.protectedPaths)
  const guardedTests = policy.guardTests ? change.editedTests : []
  const protectedPaths = change.paths.filter((path) => isProtected(path) !== undefined)
  const escalations = policy.escalations.flatMap((rule) => {
    const met = metBy(rule)(change)
    return met ? [{ name: rule.name, ...met }] : []
  })
  // The report informs, and is no boundary: it must not become one where a person was asked for.
  const needsPerson =
    guardedTests.length + protectedPaths.length + escalations.length + change.findings + change.unread.length > 0 ||
    change.addedUses.some(({ capability }) => policy.blockedCapabilities.includes(capability))
  return {
    guardedTests,
    protectedPaths,
    escalations,
    autoApprove:
      needsPerson || !mayBeAutomatic
        ? []
        : policy.autoApprove.filter((rule) => permits(rule, change)).map(({ name }) => name),
  }
}
