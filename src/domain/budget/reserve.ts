import { LockMode } from '@mikro-orm/core'
import { BudgetExceededError } from '../errors.ts'
import type { Transaction } from '../shared/transact.ts'
import { Budget } from './budget.entity.ts'

/** What a call may cost at the worst, or did cost. costUsd is null when the model's price is not known. */
export interface Amount {
  readonly costUsd: number | null
  readonly tokens: number
}

// Sums of fractions leave residues in binary; a billionth of a dollar is less than any token costs.
const nanoPerUsd = 1e9
const addUsd = (a: number, b: number): number => (Math.round(a * nanoPerUsd) + Math.round(b * nanoPerUsd)) / nanoPerUsd

/** In the order of their ids, so that two calls under the same budgets cannot wait for each other in a circle. */
export const lockBudgets = async (tx: Transaction, budgetIds: readonly string[]) =>
  tx.em.find(Budget, { id: { $in: [...budgetIds] } }, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } })

/**
 * Sets the worst case aside under every budget, or under none.
 * @param budgetIds in the order in which they are looked at: the first without room is the one that is named
 * @throws BudgetExceededError when one of them has no room, or limits money and the price is not known
 */
export const reserve = async (tx: Transaction, budgetIds: readonly string[], worst: Amount): Promise<void> => {
  const locked = await lockBudgets(tx, budgetIds)
  for (const id of budgetIds) {
    const budget = locked.find((one) => one.id === id)
    if (!budget) throw new Error(`There is no budget ${id}.`)
    const { maxCostUsd, maxTokens } = budget
    if (maxCostUsd != null) {
      if (worst.costUsd === null) {
        throw new BudgetExceededError(budget.id, 'The budget limits money, and the price of this model is not known.')
      }
      const used = addUsd(budget.spentCostUsd, budget.reservedCostUsd)
      if (addUsd(used, worst.costUsd) > maxCostUsd) {
        throw new BudgetExceededError(
          budget.id,
          `The next call may cost ${worst.costUsd.toFixed(4)} USD; of ${maxCostUsd} USD, ${used.toFixed(4)} are spent or reserved.`,
        )
      }
    }
    if (maxTokens != null && budget.spentTokens + budget.reservedTokens + worst.tokens > maxTokens) {
      throw new BudgetExceededError(
        budget.id,
        `The next call may use ${worst.tokens} tokens; of ${maxTokens}, ${budget.spentTokens + budget.reservedTokens} are spent or reserved.`,
      )
    }
    budget.reservedCostUsd = addUsd(budget.reservedCostUsd, worst.costUsd ?? 0)
    budget.reservedTokens += worst.tokens
  }
}

/** Gives a reservation back and books what was spent instead. */
export const settle = async (
  tx: Transaction,
  budgetIds: readonly string[],
  reserved: Amount,
  spent: Amount,
): Promise<void> => {
  for (const budget of await lockBudgets(tx, budgetIds)) {
    budget.reservedCostUsd = Math.max(0, addUsd(budget.reservedCostUsd, -(reserved.costUsd ?? 0)))
    budget.reservedTokens = Math.max(0, budget.reservedTokens - reserved.tokens)
    budget.spentCostUsd = addUsd(budget.spentCostUsd, spent.costUsd ?? 0)
    budget.spentTokens += spent.tokens
  }
}
