import type { Fault, WireFormat } from './wire.ts'

const kinds: Readonly<Record<Fault, readonly [status: number, type: string, code: string | null]>> = {
  INVALID: [400, 'invalid_request_error', null],
  MODEL: [404, 'invalid_request_error', 'model_not_found'],
  NOT_FOUND: [404, 'invalid_request_error', 'unknown_url'],
  TOO_LARGE: [413, 'invalid_request_error', 'request_too_large'],
  LIMIT: [429, 'requests', 'rate_limit_exceeded'],
  BUDGET: [429, 'insufficient_quota', 'insufficient_quota'],
  UNREACHABLE: [502, 'server_error', null],
  NOT_CONFIGURED: [503, 'server_error', null],
  ENDED: [503, 'server_error', null],
}

/** OpenAI's own form of an error. */
export const openAiFault: WireFormat['error'] = (fault, message) => {
  const [status, type, code] = kinds[fault]
  return { status, body: { error: { message, type, param: null, code } } }
}

export const openAiHeaders: WireFormat['headers'] = (key) => (key === null ? {} : { authorization: `Bearer ${key}` })
