import type { BudgetRow } from '../../domain/budget/budget.entity.ts'
import type { AgentUsage, Usage } from '../../domain/budget/read-usage.ts'
import { builder } from '../builder.ts'
import { ProviderEnum } from '../enums.ts'

const AgentUsageRef = builder.objectRef<AgentUsage>('AgentUsage').implement({
  description: 'What one agent used of one model.',
  fields: (t) => ({
    agent: t.exposeString('agent', { description: 'coder, planner, judge, ...' }),
    provider: t.field({ type: ProviderEnum, resolve: (usage) => usage.provider }),
    model: t.exposeString('model'),
    rehearsal: t.exposeBoolean('rehearsal'),
    inputTokens: t.exposeInt('inputTokens'),
    outputTokens: t.exposeInt('outputTokens'),
    costUsd: t.exposeFloat('costUsd', { nullable: true, description: "Null when the model's price is not known." }),
    calls: t.exposeInt('calls'),
  }),
})

export const UsageRef = builder.objectRef<Usage>('Usage').implement({
  description:
    'What was used of models. costUsd is of the calls whose price is known; unpricedCalls counts the others.',
  fields: (t) => ({
    inputTokens: t.exposeInt('inputTokens'),
    outputTokens: t.exposeInt('outputTokens'),
    cachedInputTokens: t.exposeInt('cachedInputTokens'),
    totalTokens: t.int({ resolve: (usage) => usage.inputTokens + usage.outputTokens }),
    costUsd: t.exposeFloat('costUsd'),
    unpricedCalls: t.exposeInt('unpricedCalls'),
    calls: t.exposeInt('calls'),
    lostCalls: t.exposeInt('lostCalls', {
      description:
        'Calls whose outcome is not known: they broke off, were canceled, or their process ended. Not part of calls.',
    }),
    lostTokens: t.exposeInt('lostTokens', {
      description:
        'What was reserved for the lost calls: a budget counts all of it as spent, whatever the provider charges. Not part of totalTokens.',
    }),
    lostCostUsd: t.exposeFloat('lostCostUsd', {
      description:
        'What was reserved in dollars for the lost calls, and counts as spent; 0 for models without a price. Not part of costUsd.',
    }),
    byAgent: t.field({ type: [AgentUsageRef], resolve: (usage) => [...usage.byAgent] }),
  }),
})

export const BudgetRef = builder.objectRef<BudgetRow>('Budget').implement({
  description:
    'The worst case is reserved before a call and settled after it, so calls at the same time cannot overshoot together. A call whose outcome is unknown is settled as spent. Under maxCostUsd a model without a price is refused.',
  fields: (t) => ({
    maxCostUsd: t.exposeFloat('maxCostUsd', { nullable: true }),
    maxTokens: t.int({ nullable: true, resolve: (budget) => budget.maxTokens }),
    spentCostUsd: t.exposeFloat('spentCostUsd'),
    spentTokens: t.int({ resolve: (budget) => budget.spentTokens }),
    reservedCostUsd: t.exposeFloat('reservedCostUsd'),
    reservedTokens: t.int({ resolve: (budget) => budget.reservedTokens }),
  }),
})

/** A budget that limits nothing only counts, and is not shown. */
export const limiting = (budget: BudgetRow | null): BudgetRow | null =>
  budget && (budget.maxCostUsd !== null || budget.maxTokens !== null) ? budget : null
