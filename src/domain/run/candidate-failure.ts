import { BudgetExceededError, DomainError } from '../errors.ts'
import { ProviderError } from '../ports/model-provider.ts'
import { safeText } from '../shared/safe-text.ts'
import type { CandidateFailure, CandidateRow } from './candidate.entity.ts'
import { AgentStoppedError } from './run-agent.ts'

/**
 * What is recorded of an error that ends a candidate; undefined for one that is no fault of the candidate's
 * (a lost lease, a broken connection), which must go on to the caller.
 */
export const candidateFailure = (error: unknown): CandidateFailure | undefined => {
  if (error instanceof ProviderError) {
    return { code: error.code, message: safeText(error.message), retryable: error.retryable }
  }
  if (error instanceof AgentStoppedError)
    return { code: error.code, message: safeText(error.message), retryable: false }
  if (error instanceof BudgetExceededError) return { code: 'budget_exceeded', message: error.message, retryable: false }
  if (error instanceof DomainError)
    return { code: error.code.toLowerCase(), message: safeText(error.message), retryable: false }
  return undefined
}

/** Why no candidate has a result, each with its own reason. */
export const noResult = (candidates: readonly CandidateRow[]): string =>
  candidates
    .map(({ label, provider, failure }) => `${label} (${provider}): ${failure?.message ?? 'it was canceled'}`)
    .join('\n')
