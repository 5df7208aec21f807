import { randomUUID } from 'node:crypto'
import type { Transaction } from '../shared/transact.ts'
import { Budget } from './budget.entity.ts'

export interface BudgetLimits {
  readonly maxCostUsd?: number | null | undefined
  readonly maxTokens?: number | null | undefined
}

/** Every project and sprint has one; without limits it only counts. */
export const openBudget = (tx: Transaction, limits: BudgetLimits | null | undefined): string => {
  const id = randomUUID()
  tx.em.create(Budget, {
    id,
    maxCostUsd: limits?.maxCostUsd ?? null,
    maxTokens: limits?.maxTokens ?? null,
    spentCostUsd: 0,
    spentTokens: 0,
    reservedCostUsd: 0,
    reservedTokens: 0,
  })
  return id
}
