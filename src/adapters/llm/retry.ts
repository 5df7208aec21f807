import { setTimeout as wait } from 'node:timers/promises'
import { ConstantBackoff, ExponentialBackoff, halfJitterGenerator, handleWhenResult, retry } from 'cockatiel'
import type { Provider } from '../../domain/ports/model-provider.ts'
import { type Failure, failureOfTimeout } from './failure.ts'

export interface RetryOptions {
  /** How often a call is made at most, the first time included. Default 4. */
  readonly attempts?: number
  /** The wait before the first retry, in milliseconds, before jitter; it doubles. Default 500. */
  readonly baseDelayMs?: number
  /** The limit of one attempt, in milliseconds. Default: the provider's. */
  readonly timeoutMs?: number
}

export interface RetryNotice {
  readonly provider: Provider
  readonly code: string
  readonly status: number | undefined
  /** Of the attempt that failed, counted from 1. */
  readonly attempt: number
  readonly waitMs: number
}

export interface RetriedCall {
  readonly provider: Provider
  readonly signal: AbortSignal
  /** The limit of one attempt, in milliseconds. */
  readonly timeoutMs: number
  readonly retry: RetryOptions
  /** What an error stands for; null for one that is no provider's and is thrown as it is. */
  readonly failureOf: (cause: unknown) => Failure | null
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined
}

type Outcome<T> = { readonly value: T } | { readonly failure: Failure }

const longestBackoffMs = 30_000

/**
 * Makes a call, and makes it again after failures that may pass. A call that ran into its time limit is not
 * made again here: it may have been a long answer, and would be paid for a second time.
 *
 * @throws ProviderError for the last failure
 * @throws the signal's reason, at once, also during a wait
 */
export async function callWithRetries<T>(once: (signal: AbortSignal) => Promise<T>, call: RetriedCall): Promise<T> {
  const { attempts = 4, baseDelayMs = 500, timeoutMs = call.timeoutMs } = call.retry
  // The policy counts; the waits are ours, since its own cannot be interrupted.
  const policy = retry(handleWhenResult(isWorthRetrying), {
    maxAttempts: Math.max(attempts - 1, 0),
    backoff: new ConstantBackoff(0),
  })
  const backoff = new ExponentialBackoff({
    initialDelay: baseDelayMs,
    maxDelay: longestBackoffMs,
    generator: halfJitterGenerator,
  })
  let step = backoff.next()
  let waitMs = 0

  const outcome = await policy.execute(async ({ attempt }): Promise<Outcome<T>> => {
    if (attempt > 0) await interruptibleWait(waitMs, call.signal)
    const result = await attemptOnce(once, { ...call, timeoutMs })
    if (isWorthRetrying(result) && attempt + 1 < attempts) {
      waitMs = result.failure.retryAfterMs ?? step.duration
      step = step.next(undefined)
      const { code, status } = result.failure.error
      call.onRetry?.({ provider: call.provider, code, status, attempt: attempt + 1, waitMs })
    }
    return result
  })
  if ('failure' in outcome) throw outcome.failure.error
  return outcome.value
}

function isWorthRetrying(result: unknown): result is { failure: Failure } {
  if (typeof result !== 'object' || result === null || !('failure' in result)) return false
  const { error } = result.failure as Failure
  return error.retryable && !(error.code === 'timeout' && error.status === undefined)
}

async function attemptOnce<T>(once: (signal: AbortSignal) => Promise<T>, call: RetriedCall): Promise<Outcome<T>> {
  call.signal.throwIfAborted()
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), call.timeoutMs)
  try {
    return { value: await once(AbortSignal.any([call.signal, limit.signal])) }
  } catch (cause) {
    call.signal.throwIfAborted()
    if (limit.signal.aborted) return { failure: failureOfTimeout(call.provider, call.timeoutMs) }
    const failure = call.failureOf(cause)
    if (failure === null) throw cause
    return { failure }
  } finally {
    clearTimeout(timer)
  }
}

async function interruptibleWait(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(milliseconds, undefined, { signal })
  } catch (cause) {
    // node wraps the reason in an AbortError; callers look for their own.
    signal.throwIfAborted()
    throw cause
  }
}
