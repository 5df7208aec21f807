import { setTimeout as wait } from 'node:timers/promises'
import { ConstantBackoff, ExponentialBackoff, halfJitterGenerator, handleWhenResult, retry } from 'cockatiel'
import type { Provider } from '../../domain/ports/model-provider.ts'
import type { CallLimits } from './call-limits.ts'
import { type Failure, failureOfSilence, failureOfTimeout } from './failure.ts'

export interface RetryOptions {
  /** How often a call is made at most, the first time included. Default 4. */
  readonly attempts?: number
  /** The wait before the first retry, in milliseconds, before jitter; it doubles. Default 500. */
  readonly baseDelayMs?: number
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
  readonly limits: CallLimits
  readonly retry: RetryOptions
  /** What an error stands for; null for one that is no provider's and is thrown as it is. */
  readonly failureOf: (cause: unknown) => Failure | null
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined
  /** Told of every attempt that was answered or failed: the failure's code, null for an answer, and how long it took. */
  readonly onAttempt?: ((code: string | null, ms: number) => void) | undefined
  /** Awaited before an attempt that follows one which may be charged for. */
  readonly onLostAttempt?: (() => Promise<void>) | undefined
}

/** One attempt: it ends when the signal does, and tells of every sign of life. */
export type Attempt<T> = (signal: AbortSignal, onLife: () => void) => Promise<T>

export type Outcome<T> = { readonly value: T } | { readonly failure: Failure }

const longestBackoffMs = 30_000

/**
 * Makes a call, and makes it again after failures that may pass.
 * @returns the answer, or the last failure
 * @throws the signal's reason, at once, also during a wait
 */
export async function callWithRetries<T>(once: Attempt<T>, call: RetriedCall): Promise<Outcome<T>> {
  const { attempts = 4, baseDelayMs = 500 } = call.retry
  const limit = AbortSignal.timeout(call.limits.callMs)
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
  let last: Failure | undefined

  return await policy.execute(async ({ attempt }): Promise<Outcome<T>> => {
    if (last) {
      const inTime = await waitUnless(waitMs, limit, call.signal)
      // What the provider said last tells more than that there was no time to ask again.
      if (!inTime) return { failure: { ...last, again: false } }
      if (last.error.mayHaveCost) await call.onLostAttempt?.()
    }
    const begunAt = performance.now()
    const result = await attemptOnce(once, limit, call)
    call.onAttempt?.('failure' in result ? result.failure.error.code : null, performance.now() - begunAt)
    last = 'failure' in result ? result.failure : undefined
    if (isWorthRetrying(result) && attempt + 1 < attempts) {
      waitMs = result.failure.retryAfterMs ?? step.duration
      step = step.next(undefined)
      const { code, status } = result.failure.error
      call.onRetry?.({ provider: call.provider, code, status, attempt: attempt + 1, waitMs })
    }
    return result
  })
}

function isWorthRetrying(result: unknown): result is { failure: Failure } {
  if (typeof result !== 'object' || result === null || !('failure' in result)) return false
  return (result.failure as Failure).again
}

async function attemptOnce<T>(once: Attempt<T>, limit: AbortSignal, call: RetriedCall): Promise<Outcome<T>> {
  call.signal.throwIfAborted()
  const silence = new AbortController()
  let hadBegun = false
  const timer = setTimeout(() => silence.abort(), call.limits.silenceMs)
  const onLife = () => {
    hadBegun = true
    timer.refresh()
  }
  try {
    return { value: await once(AbortSignal.any([call.signal, limit, silence.signal]), onLife) }
  } catch (cause) {
    call.signal.throwIfAborted()
    if (limit.aborted) return { failure: failureOfTimeout(call.provider, call.limits.callMs) }
    if (silence.signal.aborted) return { failure: failureOfSilence(call.provider, call.limits.silenceMs, hadBegun) }
    const failure = call.failureOf(cause)
    if (failure === null) throw cause
    return { failure }
  } finally {
    clearTimeout(timer)
  }
}

/** False when the limit came first. */
async function waitUnless(milliseconds: number, limit: AbortSignal, signal: AbortSignal): Promise<boolean> {
  try {
    await wait(milliseconds, undefined, { signal: AbortSignal.any([signal, limit]) })
    return true
  } catch (cause) {
    // node wraps the reason in an AbortError; callers look for their own.
    signal.throwIfAborted()
    if (limit.aborted) return false
    throw cause
  }
}
