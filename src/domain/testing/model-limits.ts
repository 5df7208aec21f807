/** What one test may use of models, whatever the budgets have left. */
export interface ModelLimits {
  readonly calls: number
  /** Input and output, of all its calls together. */
  readonly tokens: number
  /** Of all its calls; one to a model whose price is not known is refused. */
  readonly costUsd: number
}

export const defaultModelLimits: ModelLimits = { calls: 50, tokens: 500_000, costUsd: 1 }
