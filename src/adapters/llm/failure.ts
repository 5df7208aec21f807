import { type Provider, ProviderError } from '../../domain/ports/model-provider.ts'

/** A call that gave no whole answer, and how long the provider asked us to wait. */
export interface Failure {
  readonly error: ProviderError
  /** In milliseconds; null when the provider said nothing about it. */
  readonly retryAfterMs: number | null
}

/** What both SDKs tell about an error that came from the provider, in one form. */
export interface ProviderComplaint {
  /** Undefined for an error that came inside a stream. */
  readonly status: number | undefined
  /** The provider's own words for the kind of error, most specific first. */
  readonly kinds: readonly (string | null | undefined)[]
  readonly message: string
  readonly headers: Headers | undefined
}

interface Meaning {
  readonly code: string
  readonly retryable: boolean
}

const providerNames: Readonly<Record<Provider, string>> = { OPENAI: 'OpenAI', ANTHROPIC: 'Anthropic' }

const meaningOfStatus: Readonly<Record<number, Meaning>> = {
  401: { code: 'unauthorized', retryable: false },
  403: { code: 'unauthorized', retryable: false },
  408: { code: 'timeout', retryable: true },
  409: { code: 'server_error', retryable: true },
  429: { code: 'rate_limited', retryable: true },
  503: { code: 'overloaded', retryable: true },
  529: { code: 'overloaded', retryable: true },
}

/** Errors inside a stream have no status of their own: the response had begun with 200. */
const statusOfKind: Readonly<Record<string, number>> = {
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  invalid_request_error: 400,
  invalid_prompt: 400,
  context_length_exceeded: 400,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  overloaded_error: 529,
  server_is_overloaded: 503,
  slow_down: 503,
  timeout_error: 504,
  api_error: 500,
  server_error: 500,
}

/** They come as 429, and no wait helps: someone has to pay or to raise a limit. */
const exhaustedKinds = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_error',
  'contract_spend_limit_reached',
  'enforced_spend_limit_reached',
])

const longestWaitMs = 60_000
const longestMessage = 2_000

/** A stream that ended or broke before the answer was whole. Carries no text of the provider's. */
export class BrokenStream extends Error {
  override readonly name = 'BrokenStream'
  readonly code: 'cut_stream' | 'malformed_answer'
  constructor(code: 'cut_stream' | 'malformed_answer', message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** Replaces the key wherever a message quotes it. */
function withoutSecret(text: string, secret: string | null): string {
  const safe = secret === null || secret === '' ? text : text.replaceAll(secret, '[redacted]')
  return safe.length > longestMessage ? `${safe.slice(0, longestMessage)}…` : safe
}

function meaningOf(status: number): Meaning {
  return (
    meaningOfStatus[status] ??
    (status >= 500 ? { code: 'server_error', retryable: true } : { code: 'bad_request', retryable: false })
  )
}

/** The failure that a provider's own error stands for. */
export function failureOfComplaint(provider: Provider, secret: string | null, complaint: ProviderComplaint): Failure {
  const kinds = complaint.kinds.filter((kind) => typeof kind === 'string')
  const known = kinds.map((kind) => statusOfKind[kind]).find((status) => status !== undefined)
  const { code, retryable } = meaningOf(complaint.status ?? known ?? 500)
  const exhausted = kinds.some((kind) => exhaustedKinds.has(kind))
  const forbidden = complaint.headers?.get('x-should-retry') === 'false'
  const where = complaint.status === undefined ? 'broke off its answer' : `answered ${complaint.status}`
  const error = new ProviderError(
    provider,
    code,
    `${providerNames[provider]} ${where}: ${withoutSecret(complaint.message, secret)}`,
    { retryable: retryable && !exhausted && !forbidden, status: complaint.status },
  )
  return { error, retryAfterMs: retryAfterOf(complaint.headers) }
}

/** The failure of a stream that broke. */
export function failureOfStream(provider: Provider, secret: string | null, broken: BrokenStream): Failure {
  const message = `${providerNames[provider]}: ${withoutSecret(broken.message, secret)}`
  const error = new ProviderError(provider, broken.code, message, { retryable: true, cause: broken.cause })
  return { error, retryAfterMs: null }
}

/** The failure of a call that never reached the provider. */
export function failureOfConnection(provider: Provider, secret: string | null, cause: Error): Failure {
  const reason = withoutSecret(networkReason(cause), secret)
  const error = new ProviderError(
    provider,
    'unreachable',
    `${providerNames[provider]} could not be reached: ${reason}`,
    { retryable: true },
  )
  return { error, retryAfterMs: null }
}

/** The failure of a call that took longer than its limit. */
export function failureOfTimeout(provider: Provider, timeoutMs: number): Failure {
  const message = `${providerNames[provider]} gave no whole answer within ${timeoutMs} ms.`
  return { error: new ProviderError(provider, 'timeout', message, { retryable: true }), retryAfterMs: null }
}

/** The failure of a call that the client library itself refused to make. */
export function failureOfRequest(provider: Provider, secret: string | null, cause: Error): Failure {
  const message = `The call to ${providerNames[provider]} could not be made: ${withoutSecret(cause.message, secret)}`
  return { error: new ProviderError(provider, 'bad_request', message, { retryable: false }), retryAfterMs: null }
}

/**
 * The wait that a response asks for, in milliseconds and at most a minute: `retry-after-ms`, or
 * `retry-after` in seconds or as a date.
 */
export function retryAfterOf(headers: Headers | undefined, now: number = Date.now()): number | null {
  const milliseconds = Number.parseFloat(headers?.get('retry-after-ms') ?? '')
  if (Number.isFinite(milliseconds)) return clamped(milliseconds)
  const text = headers?.get('retry-after')?.trim()
  if (!text) return null
  if (/^\d+(\.\d+)?$/.test(text)) return clamped(Number.parseFloat(text) * 1_000)
  const date = Date.parse(text)
  return Number.isNaN(date) ? null : clamped(date - now)
}

function clamped(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, 0), longestWaitMs)
}

/** fetch says "fetch failed"; what happened stands in the innermost cause. */
function networkReason(error: Error): string {
  let innermost: Error = error
  while (innermost.cause instanceof Error) innermost = innermost.cause
  const code = 'code' in innermost && typeof innermost.code === 'string' ? innermost.code : null
  return code === null || innermost.message.includes(code) ? innermost.message : `${code} ${innermost.message}`
}
