import { type Provider, ProviderError } from '../../domain/ports/model-provider.ts'
import { providerNames } from './failure.ts'

export interface BreakerOptions {
  /** So many calls in a row have to fail, each with all its attempts. Default 3. */
  readonly failures?: number
  /** How long nothing is sent then, in milliseconds. Default 30,000. */
  readonly pauseMs?: number
  /** In milliseconds. Default: the system's. */
  readonly clock?: () => number
}

/** What a call says of its provider: it answered, also with a refusal; it is down; or nothing was learnt. */
export type Sign = 'UP' | 'DOWN' | 'NONE'

export interface CircuitBreaker {
  /**
   * Lets a call through.
   * @returns what to tell it when the call has ended
   * @throws ProviderError (circuit_open) while the provider is taken for dead
   */
  enter(): (sign: Sign, failure?: ProviderError) => void
}

/**
 * Keeps calls from a provider that does not answer, for this process. After a pause one call is let through to try it;
 * the others fail at once until that one has ended, where a library's policy would have them wait for it.
 */
export function createCircuitBreaker(provider: Provider, options: BreakerOptions = {}): CircuitBreaker {
  const { failures: limit = 3, pauseMs = 30_000, clock = Date.now } = options
  let failures = 0
  let closedAgainAt: number | null = null
  let isTried = false
  let lastFailure = ''

  function refusal(until: number): ProviderError {
    const when = isTried ? 'It is being tried right now' : `It is tried again at ${new Date(until).toISOString()}`
    return new ProviderError(
      provider,
      'circuit_open',
      `${providerNames[provider]} failed ${failures} times in a row, so this call was not sent. ${when}. The last failure: ${lastFailure}`,
      { retryable: true, mayHaveCost: false },
    )
  }

  return {
    enter() {
      const isTrial = closedAgainAt !== null
      if (closedAgainAt !== null) {
        if (isTried || clock() < closedAgainAt) throw refusal(closedAgainAt)
        isTried = true
      }
      return (sign, failure) => {
        if (isTrial) isTried = false
        if (sign === 'NONE') return
        failures = sign === 'UP' ? 0 : failures + 1
        lastFailure = failure?.message ?? ''
        closedAgainAt = failures >= limit ? clock() + pauseMs : null
      }
    },
  }
}
