import { LockMode } from '@mikro-orm/core'
import type { Transaction } from '../shared/transact.ts'
import { Budget } from './budget.entity.ts'
import type { BudgetLimits } from './open-budget.ts'

/**
 * Sets both limits, none where left out. What was spent and reserved stays; below it there is no room for another call.
 */
export const changeLimits = async (tx: Transaction, budgetId: string, limits: BudgetLimits | null): Promise<void> => {
  const budget = await tx.em.findOneOrFail(Budget, { id: budgetId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  budget.maxCostUsd = limits?.maxCostUsd ?? null
  budget.maxTokens = limits?.maxTokens ?? null
}
