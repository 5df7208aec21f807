/** What one test may use of models, whatever the budgets have left. */
export interface ModelLimits {
  readonly calls: number
  /** Input and output, of all its calls together. */
  readonly tokens: number
  /** Of the calls whose price is known. */
  readonly costUsd: number
}

export const defaultModelLimits: ModelLimits = { calls: 50, tokens: 500_000, costUsd: 1 }
