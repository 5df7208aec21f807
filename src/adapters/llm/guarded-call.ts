import type { ModelAnswer, ModelProvider, ModelRequest, Provider } from '../../domain/ports/model-provider.ts'
import { defaultCallLimits } from './call-limits.ts'
import { createCircuitBreaker, type Sign } from './circuit-breaker.ts'
import { type Failure, providerNames } from './failure.ts'
import type { ProviderOptions } from './provider-options.ts'
import { callWithRetries } from './retry.ts'

/** What a provider's own adapter has to know: one attempt, and what its errors stand for. */
export interface ProviderTalk {
  readonly provider: Provider
  attempt(request: ModelRequest, signal: AbortSignal, onLife: () => void): Promise<ModelAnswer>
  failureOf(cause: unknown): Failure | null
}

/** Without the provider's own words, which may repeat a part of the key. */
const troubleOf = ({ error, down }: Failure): string | null => {
  const who = providerNames[error.provider]
  if (error.code === 'unauthorized') return `${who} refused the key (HTTP ${error.status ?? 401}).`
  return down ? `${who} did not answer its last call (${error.code}).` : null
}

/** A provider whose calls have retries, limits of time, and a circuit breaker that they share. */
export function guardedProvider(talk: ProviderTalk, options: ProviderOptions): ModelProvider {
  const { provider } = talk
  const limits = { ...defaultCallLimits, ...options.limits }
  const breaker = createCircuitBreaker(provider, options.breaker)
  let trouble: string | null = null

  function enter({ model }: ModelRequest): ReturnType<typeof breaker.enter> {
    try {
      return breaker.enter()
    } catch (error) {
      options.measure?.callHeldBack({ provider, model })
      throw error
    }
  }

  async function complete(request: ModelRequest): Promise<ModelAnswer> {
    request.signal.throwIfAborted()
    const leave = enter(request)
    let sign: Sign = 'NONE'
    let failure: Failure | undefined
    try {
      const outcome = await callWithRetries((signal, onLife) => talk.attempt(request, signal, onLife), {
        provider,
        signal: request.signal,
        limits,
        retry: options.retry ?? {},
        failureOf: talk.failureOf,
        onRetry(notice) {
          options.log?.(notice)
          options.measure?.attemptRepeated({ provider, model: request.model, fault: notice.code })
        },
        onAttempt: (fault, ms) => options.measure?.attemptEnded({ provider, model: request.model, fault, ms }),
        onLostAttempt: request.onLostAttempt,
      })
      if ('value' in outcome) {
        sign = 'UP'
        trouble = null
        return outcome.value
      }
      failure = outcome.failure
      trouble = troubleOf(failure)
      // A limit of time that is ours says nothing of the provider.
      sign = failure.down ? 'DOWN' : failure.error.status === undefined ? 'NONE' : 'UP'
      throw failure.error
    } finally {
      leave(sign, failure?.error)
    }
  }

  return {
    provider,
    rehearsal: options.rehearsal,
    defaultModel: options.defaultModel,
    complete,
    trouble: () => trouble,
  }
}
