import { openAiFault, openAiHeaders } from './openai-error.ts'
import {
  contentFault,
  defaultOutputTokens,
  isFields,
  isOutputLimit,
  modelFault,
  toolFault,
  unknownField,
} from './request-rules.ts'
import { chatTokens } from './token-counts.ts'
import type { WireFormat } from './wire.ts'

const fields = new Set([
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'max_completion_tokens',
  'max_tokens',
  'messages',
  'metadata',
  'model',
  'n',
  'parallel_tool_calls',
  'presence_penalty',
  'prompt_cache_key',
  'reasoning_effort',
  'response_format',
  'safety_identifier',
  'seed',
  'stop',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'user',
  'verbosity',
])

const content = new Set(['custom', 'function', 'refusal', 'text'])

const isUsageAlone = (event: unknown): boolean =>
  isFields(event) && Array.isArray(event.choices) && event.choices.length === 0 && isFields(event.usage)

/** Chat completions, which most servers that are compatible with OpenAI's speak. */
export const openAiChat: WireFormat = {
  provider: 'OPENAI',
  path: '/v1/chat/completions',
  upstreamPath: '/chat/completions',
  read(body) {
    const { model, max_completion_tokens: own, max_tokens: older, ...rest } = body
    const limit = own ?? older ?? defaultOutputTokens
    const fault =
      unknownField(body, fields) ??
      modelFault(model) ??
      (isOutputLimit(limit) ? null : '"max_completion_tokens" must be a positive number.') ??
      ((body.n ?? 1) === 1 ? null : '"n" may be 1 alone.') ??
      contentFault(body.messages, content) ??
      toolFault(body.tools, ['function', 'custom'])
    if (fault !== null) return { fault }
    const isStreamed = body.stream === true
    const asked = isFields(body.stream_options) && body.stream_options.include_usage === true
    return {
      model: String(model),
      maxOutputTokens: Number(limit),
      isStreamed,
      body: {
        ...rest,
        model,
        // Servers that know only the older name keep it; both at once are refused.
        ...(own === undefined && older !== undefined ? { max_tokens: limit } : { max_completion_tokens: limit }),
        store: false,
        ...(isStreamed && { stream_options: { include_usage: true } }),
      },
      ...(!asked && { isHidden: isUsageAlone }),
    }
  },
  usageOf: (answer) => (isFields(answer) ? chatTokens(answer.usage) : null),
  openStream() {
    let usage: unknown
    return {
      add(event) {
        if (isFields(event) && isFields(event.usage)) usage = event.usage
      },
      usage: () => chatTokens(usage),
    }
  },
  headers: openAiHeaders,
  error: openAiFault,
}
