import type { Measure } from '../../domain/ports/measure.ts'
import type { CallLimits } from './call-limits.ts'
import type { BreakerOptions } from './circuit-breaker.ts'
import type { RetryNotice, RetryOptions } from './retry.ts'

export interface ProviderOptions {
  /** Null for a server that asks for none. */
  readonly apiKey: string | null
  /** The provider's own address when absent. */
  readonly baseUrl?: string | undefined
  readonly defaultModel: string
  /** True when the base URL is the built-in offline stand-in's. */
  readonly rehearsal: boolean
  /** Told before each retry. */
  readonly log?: ((notice: RetryNotice) => void) | undefined
  /** Counts and times the calls. */
  readonly measure?: Pick<Measure, 'attemptEnded' | 'attemptRepeated' | 'callHeldBack'> | undefined
  /** What is left out keeps its default. */
  readonly limits?: Partial<CallLimits> | undefined
  readonly retry?: RetryOptions | undefined
  readonly breaker?: BreakerOptions | undefined
}
