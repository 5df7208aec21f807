import { type Provider, ProviderError, type ToolUse } from '../../domain/ports/model-provider.ts'

/** An attempt that gave no whole answer, and what is to be made of it. */
export interface Failure {
  readonly error: ProviderError
  /** True when another attempt may pass and is worth its price. */
  readonly again: boolean
  /** True when the provider, and not this request, is what failed. */
  readonly down: boolean
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

export const providerNames: Readonly<Record<Provider, string>> = { OPENAI: 'OpenAI', ANTHROPIC: 'Anthropic' }

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

/** Anthropic has no kind for it, only these words. */
const tooLongWords = /\bprompt is too long\b|\bexceeds? (the )?context (limit|window)\b/i

const tooLongAdvice =
  'The conversation is longer than the model takes: choose a model that takes more, or give the agent a smaller task'

/** What a provider says that is there, but busy with us: no reason to take it for dead. */
const busyCodes = new Set(['rate_limited', 'unauthorized', 'bad_request'])

/** The connection was not made, so nothing was sent that could cost. */
const unsentReasons =
  /\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|SELF_SIGNED|UNABLE_TO_)/

/** To ask again sooner than a provider said would be refused again; to wait longer holds up whoever asked. */
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

/**
 * The tools that an answer asks for. Two under one id could not both be answered, and no API would take them back.
 * @throws BrokenStream (malformed_answer)
 */
export function distinctToolUses(uses: readonly ToolUse[]): readonly ToolUse[] {
  if (new Set(uses.map(({ id }) => id)).size === uses.length) return uses
  throw new BrokenStream('malformed_answer', 'two of the tool calls in the answer have the same id.')
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

function isTooLong(code: string, kinds: readonly string[], message: string): boolean {
  return code === 'bad_request' && (kinds.includes('context_length_exceeded') || tooLongWords.test(message))
}

/** The failure that a provider's own error stands for. */
export function failureOfComplaint(provider: Provider, secret: string | null, complaint: ProviderComplaint): Failure {
  const kinds = complaint.kinds.filter((kind) => typeof kind === 'string')
  const known = kinds.map((kind) => statusOfKind[kind]).find((status) => status !== undefined)
  const { code, retryable } = meaningOf(complaint.status ?? known ?? 500)
  const tooLong = isTooLong(code, kinds, complaint.message)
  const exhausted = kinds.some((kind) => exhaustedKinds.has(kind))
  const forbidden = complaint.headers?.get('x-should-retry') === 'false'
  const where = complaint.status === undefined ? 'broke off its answer' : `answered ${complaint.status}`
  const retryAfterMs = retryAfterOf(complaint.headers)
  const isLongWait = retryAfterMs !== null && retryAfterMs > longestWaitMs
  const waitAdvice = isLongWait ? ` (It asks to wait ${Math.ceil(retryAfterMs / 1_000)} seconds: try again then)` : ''
  const error = new ProviderError(
    provider,
    tooLong ? 'context_length_exceeded' : code,
    `${providerNames[provider]} ${where}: ${withoutSecret(complaint.message, secret)}${tooLong ? ` (${tooLongAdvice})` : ''}${waitAdvice}`,
    {
      retryable: retryable && !exhausted && !forbidden,
      status: complaint.status,
      // An answer that had begun is paid for.
      mayHaveCost: complaint.status === undefined,
    },
  )
  const down = retryable && !busyCodes.has(code) && complaint.status !== 409
  return { error, again: error.retryable && !isLongWait, down, retryAfterMs }
}

/** The failure of a stream that broke. */
export function failureOfStream(provider: Provider, secret: string | null, broken: BrokenStream): Failure {
  const message = `${providerNames[provider]}: ${withoutSecret(broken.message, secret)}`
  const error = new ProviderError(provider, broken.code, message, {
    retryable: true,
    mayHaveCost: true,
    cause: broken.cause,
  })
  return { error, again: true, down: true, retryAfterMs: null }
}

/** The failure of a call that never reached the provider. */
export function failureOfConnection(provider: Provider, secret: string | null, cause: Error): Failure {
  const reason = withoutSecret(networkReason(cause), secret)
  const error = new ProviderError(
    provider,
    'unreachable',
    `${providerNames[provider]} could not be reached: ${reason}`,
    { retryable: true, mayHaveCost: !unsentReasons.test(reason) },
  )
  return { error, again: true, down: true, retryAfterMs: null }
}

/**
 * The failure of a call that took longer than its limit. It is not made again: a long answer would be paid for a
 * second time, and come to the same end.
 */
export function failureOfTimeout(provider: Provider, callMs: number): Failure {
  const message = `${providerNames[provider]} gave no whole answer within ${callMs} ms.`
  const error = new ProviderError(provider, 'timeout', message, { retryable: true, mayHaveCost: true })
  return { error, again: false, down: false, retryAfterMs: null }
}

/** The failure of a provider that took a request and then sent nothing, or nothing more. */
export function failureOfSilence(provider: Provider, silenceMs: number, hadBegun: boolean): Failure {
  const name = providerNames[provider]
  const message = hadBegun
    ? `${name} began its answer and then sent nothing for ${silenceMs} ms.`
    : `${name} took the request and sent nothing for ${silenceMs} ms.`
  const code = hadBegun ? 'cut_stream' : 'timeout'
  const error = new ProviderError(provider, code, message, { retryable: true, mayHaveCost: true })
  // One that does not even begin is at work on something long, or hangs: asking again helps neither.
  return { error, again: hadBegun, down: true, retryAfterMs: null }
}

/** The failure of a call that the client library itself refused to make. */
export function failureOfRequest(provider: Provider, secret: string | null, cause: Error): Failure {
  const message = `The call to ${providerNames[provider]} could not be made: ${withoutSecret(cause.message, secret)}`
  const error = new ProviderError(provider, 'bad_request', message, { retryable: false, mayHaveCost: false })
  return { error, again: false, down: false, retryAfterMs: null }
}

/** The failure of a call whose client library could not be loaded. What cannot be opened now may be readable soon. */
export function failureOfLoading(provider: Provider, cause: Error): Failure {
  const message = `The call to ${providerNames[provider]} could not be made: its client library was not loaded: ${cause.message}`
  const error = new ProviderError(provider, 'unreachable', message, { retryable: true, mayHaveCost: false, cause })
  return { error, again: true, down: false, retryAfterMs: null }
}

/** The wait that a response asks for, in milliseconds: `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfterOf(headers: Headers | undefined, now: number = Date.now()): number | null {
  const milliseconds = Number.parseFloat(headers?.get('retry-after-ms') ?? '')
  if (Number.isFinite(milliseconds)) return Math.max(milliseconds, 0)
  const text = headers?.get('retry-after')?.trim()
  if (!text) return null
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number.parseFloat(text) * 1_000
  const date = Date.parse(text)
  return Number.isNaN(date) ? null : Math.max(date - now, 0)
}

/** fetch says "fetch failed"; what happened stands in the innermost cause. */
function networkReason(error: Error): string {
  let innermost: Error = error
  while (innermost.cause instanceof Error) innermost = innermost.cause
  const code = 'code' in innermost && typeof innermost.code === 'string' ? innermost.code : null
  return code === null || innermost.message.includes(code) ? innermost.message : `${code} ${innermost.message}`
}
