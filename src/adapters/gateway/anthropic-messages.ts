import {
  contentFault,
  defaultOutputTokens,
  isFields,
  isOutputLimit,
  modelFault,
  toolFault,
  unknownField,
} from './request-rules.ts'
import { messagesTokens } from './token-counts.ts'
import type { Fault, WireFormat } from './wire.ts'

/** What has a price of its own, outlives the request, or reads what others stored with the same key is left out. */
const fields = new Set([
  'max_tokens',
  'messages',
  'metadata',
  'model',
  'output_config',
  'stop_sequences',
  'stream',
  'system',
  'temperature',
  'thinking',
  'tool_choice',
  'tools',
  'top_k',
  'top_p',
])

const content = new Set(['direct', 'ephemeral', 'redacted_thinking', 'text', 'thinking', 'tool_result', 'tool_use'])

const kinds: Readonly<Record<Fault, readonly [status: number, type: string]>> = {
  INVALID: [400, 'invalid_request_error'],
  BUDGET: [402, 'billing_error'],
  MODEL: [404, 'not_found_error'],
  NOT_FOUND: [404, 'not_found_error'],
  TOO_LARGE: [413, 'request_too_large'],
  LIMIT: [429, 'rate_limit_error'],
  UNREACHABLE: [502, 'api_error'],
  NOT_CONFIGURED: [503, 'api_error'],
  ENDED: [503, 'api_error'],
}

const version = /^\d{4}-\d{2}-\d{2}$/
const defaultVersion = '2023-06-01'

/** Anthropic's Messages API. */
export const anthropicMessages: WireFormat = {
  provider: 'ANTHROPIC',
  path: '/v1/messages',
  upstreamPath: '/v1/messages',
  read(body) {
    const { model, max_tokens: limit = defaultOutputTokens } = body
    const fault =
      unknownField(body, fields) ??
      modelFault(model) ??
      (isOutputLimit(limit) ? null : '"max_tokens" must be a positive number.') ??
      contentFault([body.system, body.messages], content) ??
      toolFault(body.tools, [undefined, 'custom'])
    if (fault !== null) return { fault }
    return {
      model: String(model),
      maxOutputTokens: Number(limit),
      isStreamed: body.stream === true,
      body: { ...body, max_tokens: limit },
    }
  },
  usageOf: (answer) => (isFields(answer) ? messagesTokens(answer.usage) : null),
  openStream() {
    let usage: Readonly<Record<string, unknown>> = {}
    let isWhole = false
    const learn = (told: unknown) => {
      if (!isFields(told)) return
      usage = { ...usage, ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)) }
    }
    return {
      add(event) {
        if (!isFields(event)) return
        if (event.type === 'message_start' && isFields(event.message)) learn(event.message.usage)
        if (event.type === 'message_delta') learn(event.usage)
        if (event.type === 'message_stop') isWhole = true
      },
      usage: () => (isWhole ? messagesTokens(usage) : null),
    }
  },
  headers(key, header) {
    const asked = header('anthropic-version') ?? ''
    return {
      ...(key !== null && { 'x-api-key': key }),
      'anthropic-version': version.test(asked) ? asked : defaultVersion,
    }
  },
  error(fault, message) {
    const [status, type] = kinds[fault]
    return { status, body: { type: 'error', error: { type, message }, request_id: null } }
  },
}
