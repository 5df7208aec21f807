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
import { responsesTokens } from './token-counts.ts'
import type { WireFormat } from './wire.ts'

/** What has a price of its own, outlives the request, or reads what others stored with the same key is left out. */
const fields = new Set([
  'include',
  'input',
  'instructions',
  'max_output_tokens',
  'metadata',
  'model',
  'parallel_tool_calls',
  'prompt_cache_key',
  'reasoning',
  'safety_identifier',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
])

const content = new Set([
  'custom_tool_call',
  'custom_tool_call_output',
  'function_call',
  'function_call_output',
  'input_text',
  'message',
  'output_text',
  'reasoning',
  'reasoning_text',
  'refusal',
  'summary_text',
])

/** An item with neither is taken for a reference to one that is stored at the provider. */
const itemFault = (input: unknown): string | null =>
  Array.isArray(input) && input.some((item) => isFields(item) && item.type === undefined && item.role === undefined)
    ? 'Each item of "input" must have a "type" or a "role": stored items are not offered by this gateway.'
    : null

const endings = new Set(['response.completed', 'response.incomplete', 'response.failed'])

/** OpenAI's Responses API. */
export const openAiResponses: WireFormat = {
  provider: 'OPENAI',
  path: '/v1/responses',
  upstreamPath: '/responses',
  read(body) {
    const { model, max_output_tokens: limit = defaultOutputTokens } = body
    const fault =
      unknownField(body, fields) ??
      modelFault(model) ??
      (isOutputLimit(limit) ? null : '"max_output_tokens" must be a positive number.') ??
      contentFault(body.input, content) ??
      itemFault(body.input) ??
      toolFault(body.tools, ['function', 'custom'])
    if (fault !== null) return { fault }
    return {
      model: String(model),
      maxOutputTokens: Number(limit),
      isStreamed: body.stream === true,
      body: { ...body, max_output_tokens: limit, store: false },
    }
  },
  usageOf: (answer) => (isFields(answer) ? responsesTokens(answer.usage) : null),
  openStream() {
    let ending: unknown
    return {
      add(event) {
        if (isFields(event) && endings.has(String(event.type))) ending = event.response
      },
      usage: () => (isFields(ending) ? responsesTokens(ending.usage) : null),
    }
  },
  headers: openAiHeaders,
  error: openAiFault,
}
