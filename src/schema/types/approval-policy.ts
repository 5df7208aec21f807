import {
  type ApprovalPolicy,
  type AutoApproveRule,
  type EscalationRule,
  policyHash,
} from '../../domain/project/approval-policy.ts'
import { builder } from '../builder.ts'
import { CapabilityEnum } from '../enums.ts'

const EscalationRuleRef = builder.objectRef<EscalationRule>('EscalationRule').implement({
  description:
    'A change that adds one of these capabilities on one of these paths needs so many approvals. An empty list leaves open which.',
  fields: (t) => ({
    name: t.exposeString('name'),
    capabilities: t.field({ type: [CapabilityEnum], resolve: (rule) => [...rule.capabilities] }),
    paths: t.stringList({ description: 'Globs.', resolve: (rule) => [...rule.paths] }),
    requiredApprovals: t.exposeInt('requiredApprovals'),
  }),
})

const AutoApproveRuleRef = builder.objectRef<AutoApproveRule>('AutoApproveRule').implement({
  description:
    'Changes that need no person. Every file must be analysed or inert and the report without a finding, and the change must meet no escalation, protected path or guarded test.',
  fields: (t) => ({
    name: t.exposeString('name'),
    allowedCapabilities: t.field({
      type: [CapabilityEnum],
      description: 'None: the change may add no capability.',
      resolve: (rule) => [...rule.allowedCapabilities],
    }),
    paths: t.stringList({
      description: 'Globs; every path that the change touches matches one.',
      resolve: (rule) => [...rule.paths],
    }),
    maxChangedLines: t.exposeInt('maxChangedLines', {
      nullable: true,
      description: 'Added and removed lines together.',
    }),
    requirePassingTests: t.exposeBoolean('requirePassingTests'),
  }),
})

export const ApprovalPolicyRef = builder.objectRef<ApprovalPolicy>('ApprovalPolicy').implement({
  description: 'Rules for when a person is needed, and how many.',
  fields: (t) => ({
    hash: t.string({ description: 'A review holds under one policy.', resolve: policyHash }),
    requiredApprovals: t.exposeInt('requiredApprovals'),
    allowSelfApproval: t.exposeBoolean('allowSelfApproval'),
    requirePassingTests: t.exposeBoolean('requirePassingTests'),
    guardTests: t.exposeBoolean('guardTests', {
      description: 'Tests that the diff edits or deletes need one approval more. A test that it adds does not.',
    }),
    autoRebase: t.exposeBoolean('autoRebase', {
      description: 'A diff whose branch has moved is rebased by itself.',
    }),
    agentsMayCommit: t.exposeBoolean('agentsMayCommit', {
      description: 'An AGENT or SERVICE may commit what people approved.',
    }),
    blockedCapabilities: t.field({
      type: [CapabilityEnum],
      description: 'A diff that adds one of these cannot be committed.',
      resolve: (policy) => [...policy.blockedCapabilities],
    }),
    protectedPaths: t.stringList({
      description: "Globs; a change there needs an ADMIN's approval.",
      resolve: (policy) => [...policy.protectedPaths],
    }),
    escalations: t.field({ type: [EscalationRuleRef], resolve: (policy) => [...policy.escalations] }),
    autoApprove: t.field({ type: [AutoApproveRuleRef], resolve: (policy) => [...policy.autoApprove] }),
  }),
})
