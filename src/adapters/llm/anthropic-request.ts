import { transformJSONSchema } from '@anthropic-ai/sdk/lib/transform-json-schema'
import type {
  ContentBlockParam,
  MessageCreateParamsStreaming,
  MessageParam,
  ToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/messages'
import { z } from 'zod'
import type { ConversationMessage, ModelRequest, ToolUse } from '../../domain/ports/model-provider.ts'

/** Thinking can be read again only by the model that wrote it, so its name is kept with the blocks. */
const anthropicNative = z.object({
  model: z.string(),
  content: z.array(z.looseObject({ type: z.enum(['text', 'thinking', 'redacted_thinking', 'tool_use']) })),
})

const cached = { cache_control: { type: 'ephemeral' as const } }

/** The neutral request as the Messages API takes it. */
export function toMessagesRequest(request: ModelRequest): MessageCreateParamsStreaming {
  const messages = toMessages(request)
  // An agent's conversation is sent again with each turn; a single question is not worth a cache write.
  if (request.tools.length > 0) markTurns(messages)
  return {
    model: request.model,
    max_tokens: request.maxOutputTokens,
    stream: true,
    // The mark covers the tools too: they stand before the system prompt.
    system: [{ type: 'text', text: request.system, ...cached }],
    messages,
    ...(request.tools.length > 0 && {
      tools: request.tools.map((tool) => ({
        name: tool.name,
        description: tool.description,
        input_schema: { ...tool.parameters, type: 'object' as const },
      })),
    }),
    ...(request.structured && {
      // What the API cannot enforce (bounds, lengths) becomes part of the descriptions.
      output_config: { format: { type: 'json_schema' as const, schema: asStrictSchema(request.structured.schema) } },
    }),
  }
}

function asStrictSchema(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...transformJSONSchema(structuredClone(schema) as Parameters<typeof transformJSONSchema>[0]) }
}

/** Neighbours with the same role become one message, as the API itself would read them. */
function toMessages(request: ModelRequest): { role: 'user' | 'assistant'; content: ContentBlockParam[] }[] {
  const messages: { role: 'user' | 'assistant'; content: ContentBlockParam[] }[] = []
  for (const message of request.messages) {
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = toBlocks(message, request.model)
    const last = messages.at(-1)
    if (content.length === 0) continue
    if (last?.role === role) last.content.push(...content)
    else messages.push({ role, content })
  }
  return messages satisfies MessageParam[]
}

function toBlocks(message: ConversationMessage, model: string): ContentBlockParam[] {
  if (message.role === 'user') return [{ type: 'text', text: message.text }]
  if (message.role === 'tool') {
    return message.outcomes.map(
      (outcome): ToolResultBlockParam => ({
        type: 'tool_result',
        tool_use_id: outcome.toolUseId,
        content: outcome.text,
        is_error: outcome.isError,
      }),
    )
  }
  if (message.native?.provider === 'ANTHROPIC') {
    const native = anthropicNative.safeParse(message.native.items)
    if (native.success && native.data.model === model) {
      return native.data.content.filter((block) => !isBlank(block)) as unknown as ContentBlockParam[]
    }
  }
  const uses = message.toolUses.map((use) => ({
    type: 'tool_use' as const,
    id: use.id,
    name: use.name,
    input: toInput(use),
  }))
  return message.text.trim() === '' ? uses : [{ type: 'text', text: message.text }, ...uses]
}

/** A model may write a text without a word in it; the API does not take it back. */
function isBlank(block: { readonly type: string; readonly text?: unknown }): boolean {
  return block.type === 'text' && String(block.text ?? '').trim() === ''
}

/** The API takes objects only; arguments that are not one are shown as the text that they were. */
function toInput(use: ToolUse): Record<string, unknown> {
  const parsed = parseObject(use.argumentsText)
  return parsed ?? { malformed_arguments: use.argumentsText }
}

/** The object that a text of JSON holds; null when it holds none. */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}

/**
 * Marks where the conversation ends now, and where it ended a turn ago: the API looks for a cached prefix only a few
 * blocks before each mark, and one turn may bring more tool results than that.
 */
function markTurns(messages: { role: string; content: ContentBlockParam[] }[]): void {
  for (const { content } of messages.filter(({ role }) => role === 'user').slice(-2)) {
    const last = content.at(-1)
    if (last?.type === 'text' || last?.type === 'tool_result') content[content.length - 1] = { ...last, ...cached }
  }
}
