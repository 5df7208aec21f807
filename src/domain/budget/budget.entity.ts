import { defineEntity, p } from '@mikro-orm/core'
import type { Row } from '../shared/row.ts'

/** Limits and what was spent under them. Money in US dollars. */
export const Budget = defineEntity({
  name: 'Budget',
  properties: {
    id: p.uuid().primary(),
    maxCostUsd: p.double().$type<number>().strictNullable(),
    maxTokens: p.bigint('number').strictNullable(),
    spentCostUsd: p.double().$type<number>(),
    spentTokens: p.bigint('number'),
    reservedCostUsd: p.double().$type<number>(),
    reservedTokens: p.bigint('number'),
  },
})
export type BudgetRow = Row<typeof Budget>
