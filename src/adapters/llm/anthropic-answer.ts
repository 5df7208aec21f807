import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages'
import { z } from 'zod'
import type { ModelAnswer, ModelRequest, StopReason, ToolUse } from '../../domain/ports/model-provider.ts'
import { parseObject } from './anthropic-request.ts'
import { BrokenStream, distinctToolUses } from './failure.ts'
import type { CountedTokens } from './prices.ts'

const tokens = z.number().int().nonnegative()
const nullableTokens = tokens.nullish()

const finalMessage = z.looseObject({
  model: z.string(),
  content: z.array(z.looseObject({ type: z.string() })),
  stop_reason: z.string(),
  stop_details: z.looseObject({ explanation: z.string().nullish() }).nullish(),
  usage: z.looseObject({
    input_tokens: tokens,
    cache_creation_input_tokens: nullableTokens,
    cache_read_input_tokens: nullableTokens,
    output_tokens: tokens,
  }),
})

const textBlock = z.looseObject({ type: z.literal('text'), text: z.string() })
const toolUseBlock = z.looseObject({ type: z.literal('tool_use'), id: z.string(), name: z.string() })

type FinalMessage = z.infer<typeof finalMessage>

const stopReasons: Readonly<Record<string, StopReason>> = {
  end_turn: 'END',
  stop_sequence: 'END',
  pause_turn: 'END',
  tool_use: 'TOOLS',
  max_tokens: 'LENGTH',
  model_context_window_exceeded: 'LENGTH',
  refusal: 'REFUSAL',
}

type OpenBlock = Record<string, unknown> & { argumentsText?: string }

export interface MessageCollector {
  add(event: RawMessageStreamEvent): void
  /** True after the event that ends a whole message. */
  readonly complete: boolean
  /** @throws BrokenStream (malformed_answer) when the message lacks what an answer must have */
  answer(request: ModelRequest): ModelAnswer
}

/** Puts a message together from the events of its stream, keeping tool arguments as the model wrote them. */
export function createMessageCollector(): MessageCollector {
  let message: Record<string, unknown> = {}
  const blocks: OpenBlock[] = []
  let complete = false

  function add(event: RawMessageStreamEvent): void {
    switch (event.type) {
      case 'message_start':
        message = { ...event.message }
        break
      case 'content_block_start':
        blocks[event.index] = { ...event.content_block }
        break
      case 'content_block_delta':
        extend(blocks[event.index], event.delta)
        break
      case 'message_delta':
        Object.assign(message, withoutNulls({ ...event.delta }))
        message.usage = { ...asObject(message.usage), ...withoutNulls({ ...event.usage }) }
        break
      case 'message_stop':
        complete = true
    }
  }

  return {
    add,
    get complete() {
      return complete
    },
    answer(request) {
      const written = blocks.filter((block) => block !== undefined)
      const content = written.map(({ argumentsText, ...block }) =>
        argumentsText === undefined ? block : { ...block, input: parseObject(argumentsText) ?? argumentsText },
      )
      return toAnswer({ ...message, content }, written, request)
    },
  }
}

function extend(block: OpenBlock | undefined, delta: { readonly type: string }): void {
  if (block === undefined)
    throw new BrokenStream('malformed_answer', 'the stream continued a block that it had not begun.')
  const append = (key: string, piece: unknown) => {
    block[key] = `${block[key] ?? ''}${piece}`
  }
  if ('text' in delta) append('text', delta.text)
  else if ('partial_json' in delta) append('argumentsText', delta.partial_json)
  else if ('thinking' in delta) append('thinking', delta.thinking)
  else if ('signature' in delta) append('signature', delta.signature)
}

function toAnswer(raw: unknown, blocks: readonly OpenBlock[], request: ModelRequest): ModelAnswer {
  const parsed = finalMessage.safeParse(raw)
  if (!parsed.success) {
    throw new BrokenStream('malformed_answer', `the answer has not the expected form: ${z.prettifyError(parsed.error)}`)
  }
  const message = parsed.data
  const stop = stopReasons[message.stop_reason] ?? 'END'
  const texts = message.content.flatMap((block) => textBlock.safeParse(block).data?.text ?? [])
  const explanation = stop === 'REFUSAL' ? (message.stop_details?.explanation ?? '') : ''
  const spoken = request.structured ? texts.slice(-1) : texts
  const text = spoken.filter((piece) => piece !== '').join('\n\n') || explanation
  const toolUses = distinctToolUses(stop === 'TOOLS' ? blocks.flatMap(toToolUse) : [])
  const whole = stop === 'END' || toolUses.every((use) => parseObject(use.argumentsText) !== null)
  const reusable = whole && (stop === 'END' || stop === 'TOOLS')
  return {
    text,
    toolUses,
    stop,
    usage: usageOf(message),
    model: message.model,
    raw,
    turn: {
      role: 'assistant',
      text,
      toolUses,
      ...(reusable && {
        native: { provider: 'ANTHROPIC' as const, items: { model: request.model, content: message.content } },
      }),
    },
  }
}

function toToolUse(block: OpenBlock): ToolUse[] {
  const use = toolUseBlock.safeParse(block)
  // A tool without parameters may be called without a single delta.
  return use.success ? [{ id: use.data.id, name: use.data.name, argumentsText: block.argumentsText || '{}' }] : []
}

/** Anthropic counts cached input apart from `input_tokens`. */
function usageOf({ usage }: FinalMessage): CountedTokens {
  const read = usage.cache_read_input_tokens ?? 0
  const written = usage.cache_creation_input_tokens ?? 0
  return {
    inputTokens: usage.input_tokens + read + written,
    cachedInputTokens: read,
    cacheWriteInputTokens: written,
    outputTokens: usage.output_tokens,
  }
}

function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
