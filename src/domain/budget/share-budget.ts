import type { Transaction } from '../shared/transact.ts'
import type { BudgetRow } from './budget.entity.ts'
import { type BudgetLimits, openBudget } from './open-budget.ts'
import { lockBudgets } from './reserve.ts'

/** What is left of a budget; null in place of a limit that there is none of. */
export const roomIn = (budget: BudgetRow): BudgetLimits => ({
  maxCostUsd:
    budget.maxCostUsd == null ? null : Math.max(0, budget.maxCostUsd - budget.spentCostUsd - budget.reservedCostUsd),
  maxTokens:
    budget.maxTokens == null ? null : Math.max(0, budget.maxTokens - budget.spentTokens - budget.reservedTokens),
})

const shareOf = ({ maxCostUsd, maxTokens }: BudgetLimits, parts: number): BudgetLimits => ({
  maxCostUsd: maxCostUsd == null ? null : maxCostUsd / parts,
  maxTokens: maxTokens == null ? null : Math.floor(maxTokens / parts),
})

/**
 * Gives several who work at the same time an equal part of a budget each, so that none can use up what is the others'.
 * Parts of a budget without limits only count, for `shareAgain` when it is given some.
 * @param whole what is left of it; null for those who share none
 * @returns their budgets' ids
 */
export const openShares = (tx: Transaction, whole: BudgetLimits | null, parts: number): readonly (string | null)[] =>
  Array.from({ length: parts }, () => (whole ? openBudget(tx, shareOf(whole, parts)) : null))

/** Gives those who still work their parts of a budget whose limits have changed: what each used, and its part of the rest. */
export const shareAgain = async (tx: Transaction, budgetId: string, shareIds: readonly string[]): Promise<void> => {
  const budgets = await lockBudgets(tx, [budgetId, ...shareIds])
  const whole = budgets.find(({ id }) => id === budgetId)
  if (!whole) throw new Error(`There is no budget ${budgetId}.`)
  const shares = budgets.filter((budget) => budget !== whole)
  const part = shareOf(roomIn(whole), shares.length)
  for (const share of shares) {
    share.maxCostUsd = part.maxCostUsd == null ? null : share.spentCostUsd + share.reservedCostUsd + part.maxCostUsd
    share.maxTokens = part.maxTokens == null ? null : share.spentTokens + share.reservedTokens + part.maxTokens
  }
}
