import { z } from 'zod'
import type { ModelAnswer, ModelRequest, StopReason, ToolUse } from '../../domain/ports/model-provider.ts'
import { BrokenStream, distinctToolUses } from './failure.ts'
import type { CountedTokens } from './prices.ts'

const tokens = z.number().int().nonnegative()

const contentPart = z.union([
  z.looseObject({ type: z.literal('output_text'), text: z.string() }),
  z.looseObject({ type: z.literal('refusal'), refusal: z.string() }),
])

const understood = new Set(['message', 'function_call', 'reasoning'])

const outputItem = z.union([
  z.looseObject({ type: z.literal('message'), content: z.array(contentPart) }),
  z.looseObject({ type: z.literal('function_call'), call_id: z.string(), name: z.string(), arguments: z.string() }),
  z.looseObject({ type: z.literal('reasoning'), encrypted_content: z.string().nullish() }),
  z
    .looseObject({ type: z.string().refine((type) => !understood.has(type)) })
    .transform(() => ({ type: 'other' as const })),
])

const finalResponse = z.looseObject({
  model: z.string(),
  status: z.enum(['completed', 'incomplete']),
  incomplete_details: z.looseObject({ reason: z.string().nullish() }).nullish(),
  output: z.array(outputItem),
  usage: z.looseObject({
    input_tokens: tokens,
    input_tokens_details: z
      .looseObject({ cached_tokens: tokens.nullish(), cache_write_tokens: tokens.nullish() })
      .nullish(),
    output_tokens: tokens,
  }),
})

type FinalResponse = z.infer<typeof finalResponse>

/**
 * The neutral answer in a response of the Responses API.
 * @throws BrokenStream (malformed_answer) when it lacks what an answer must have
 */
export function toAnswer(raw: unknown, request: ModelRequest): ModelAnswer {
  const parsed = finalResponse.safeParse(raw)
  if (!parsed.success) {
    throw new BrokenStream('malformed_answer', `the answer has not the expected form: ${z.prettifyError(parsed.error)}`)
  }
  const response = parsed.data
  const parts = response.output.flatMap((item) => (item.type === 'message' ? [item.content] : []))
  const refusals = parts.flat().flatMap((part) => (part.type === 'refusal' ? [part.refusal] : []))
  const stop = stopOf(response, refusals.length > 0)
  const texts = parts.map((content) => content.map((part) => (part.type === 'refusal' ? '' : part.text)).join(''))
  // A model may comment before its final message; only the last one is the document asked for.
  const spoken = request.structured ? texts.slice(-1) : texts
  const text = refusals.length > 0 ? refusals.join('\n\n') : spoken.filter((piece) => piece !== '').join('\n\n')
  const toolUses = distinctToolUses(stop === 'TOOLS' ? response.output.flatMap(toToolUse) : [])
  const output = response.output.filter(
    (item) =>
      item.type === 'message' || item.type === 'function_call' || (item.type === 'reasoning' && item.encrypted_content),
  )
  const whole = stop === 'END' || stop === 'TOOLS'
  return {
    text,
    toolUses,
    stop,
    usage: usageOf(response),
    model: response.model,
    raw,
    turn: {
      role: 'assistant',
      text,
      toolUses,
      ...(whole && { native: { provider: 'OPENAI' as const, items: { model: request.model, output } } }),
    },
  }
}

function stopOf(response: FinalResponse, refused: boolean): StopReason {
  if (refused || response.incomplete_details?.reason === 'content_filter') return 'REFUSAL'
  if (response.status === 'incomplete') return 'LENGTH'
  return response.output.some((item) => item.type === 'function_call') ? 'TOOLS' : 'END'
}

function toToolUse(item: FinalResponse['output'][number]): ToolUse[] {
  return item.type === 'function_call' ? [{ id: item.call_id, name: item.name, argumentsText: item.arguments }] : []
}

function usageOf({ usage }: FinalResponse): CountedTokens {
  return {
    inputTokens: usage.input_tokens,
    cachedInputTokens: usage.input_tokens_details?.cached_tokens ?? 0,
    cacheWriteInputTokens: usage.input_tokens_details?.cache_write_tokens ?? 0,
    outputTokens: usage.output_tokens,
  }
}
