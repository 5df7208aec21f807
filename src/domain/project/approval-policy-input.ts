import { z } from 'zod'
import { capabilities } from '../ports/code-analyzer.ts'
import { line } from '../shared/validate.ts'
import type { ApprovalPolicy } from './approval-policy.ts'
import { pathGlob } from './path-globs.ts'

const most = { approvals: 20, rules: 20, protectedPaths: 100, globsOfRule: 50, changedLines: 1_000_000 }

const approvals = (least: number) =>
  z
    .number()
    .int()
    .min(least, least === 0 ? 'must not be negative' : `must be at least ${least}`)
    .max(most.approvals, `must be at most ${most.approvals}`)

const globs = (max: number) => z.array(pathGlob).max(max, `must have at most ${max} globs`)

/** It stands in a commit's trailer, where angle brackets would end a name. */
const ruleName = line(100).refine((name) => !/[<>"]/.test(name), 'must not contain <, > or quotes')

const withOwnNames = <Rule extends z.ZodType<{ name: string }>>(rule: Rule) =>
  z
    .array(rule)
    .max(most.rules, `must have at most ${most.rules} rules`)
    .superRefine((rules, context) => {
      for (const [index, { name }] of rules.entries()) {
        if (rules.findIndex((other) => other.name === name) === index) continue
        context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is the name of another rule' })
      }
    })

const escalationRule = z
  .object({
    name: ruleName,
    capabilities: z.array(z.enum(capabilities)).nullish(),
    paths: globs(most.globsOfRule).nullish(),
    requiredApprovals: approvals(1),
  })
  .refine(
    ({ capabilities: named, paths }) => (named?.length ?? 0) + (paths?.length ?? 0) > 0,
    'needs capabilities, paths or both: for every change there is requiredApprovals of the policy',
  )
  .transform(({ name, capabilities: named, paths, requiredApprovals }) => ({
    name,
    capabilities: named ?? [],
    paths: paths ?? [],
    requiredApprovals,
  }))

const autoApproveRule = z
  .object({
    name: ruleName,
    allowedCapabilities: z.array(z.enum(capabilities)).nullish(),
    paths: globs(most.globsOfRule).min(1, 'matches no path: leave it out for any').nullish(),
    maxChangedLines: z
      .number()
      .int()
      .min(0, 'must not be negative')
      .max(most.changedLines, `must be at most ${most.changedLines}`)
      .nullish(),
    requirePassingTests: z.boolean().nullish(),
  })
  .transform(({ name, allowedCapabilities, paths, maxChangedLines, requirePassingTests }) => ({
    name,
    allowedCapabilities: allowedCapabilities ?? [],
    paths: paths ?? ['**'],
    maxChangedLines: maxChangedLines ?? null,
    requirePassingTests: requirePassingTests ?? false,
  }))

export const approvalPolicyInput = z.object({
  requiredApprovals: approvals(0).nullish(),
  allowSelfApproval: z.boolean().nullish(),
  requirePassingTests: z.boolean().nullish(),
  guardTests: z.boolean().nullish(),
  autoRebase: z.boolean().nullish(),
  agentsMayCommit: z.boolean().nullish(),
  blockedCapabilities: z.array(z.enum(capabilities)).nullish(),
  protectedPaths: globs(most.protectedPaths).nullish(),
  escalations: withOwnNames(escalationRule).nullish(),
  autoApprove: withOwnNames(autoApproveRule).nullish(),
})

/** A policy's given fields over the ones it had; a list takes the place of the whole list. */
export const mergePolicy = (base: ApprovalPolicy, given: z.output<typeof approvalPolicyInput>): ApprovalPolicy => ({
  requiredApprovals: given.requiredApprovals ?? base.requiredApprovals,
  allowSelfApproval: given.allowSelfApproval ?? base.allowSelfApproval,
  requirePassingTests: given.requirePassingTests ?? base.requirePassingTests,
  guardTests: given.guardTests ?? base.guardTests,
  autoRebase: given.autoRebase ?? base.autoRebase,
  agentsMayCommit: given.agentsMayCommit ?? base.agentsMayCommit,
  blockedCapabilities: given.blockedCapabilities ?? base.blockedCapabilities,
  protectedPaths: given.protectedPaths ?? base.protectedPaths,
  escalations: given.escalations ?? base.escalations,
  autoApprove: given.autoApprove ?? base.autoApprove,
})
