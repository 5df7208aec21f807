import { builder } from './builder.ts'
import { ProviderEnum } from './enums.ts'

export const BudgetInput = builder.inputType('BudgetInput', {
  description: 'Limits; none where left out.',
  fields: (t) => ({ maxCostUsd: t.float(), maxTokens: t.int() }),
})

export const SubagentInput = builder.inputType('SubagentInput', {
  description: 'Who works: a provider, and how.',
  fields: (t) => ({
    provider: t.field({ type: ProviderEnum, required: true }),
    model: t.string({ description: "The provider's configured default when left out." }),
    label: t.string({ description: 'A, B, ... when left out.' }),
    instructions: t.string({ description: "Appended to the role's own." }),
  }),
})
