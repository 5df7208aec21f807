import { z } from 'zod'
import { signatureOf } from './anthropic-stream.ts'
import type { Refused } from './wire.ts'

const cacheControl = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }).nullish()
const toolUseId = z.string().regex(/^[a-zA-Z0-9_-]+$/, "String should match pattern '^[a-zA-Z0-9_-]+$'")

export const text = z.strictObject({
  type: z.literal('text'),
  text: z
    .string()
    .min(1, 'text content blocks must be non-empty')
    .refine((words) => words.trim() !== '', 'text content blocks must contain non-whitespace text'),
  citations: z.null().optional(),
  cache_control: cacheControl,
})
const userBlock = z.discriminatedUnion('type', [
  text,
  z.strictObject({
    type: z.literal('tool_result'),
    tool_use_id: toolUseId,
    content: z.union([z.string(), z.array(text)]).optional(),
    is_error: z.boolean().optional(),
    cache_control: cacheControl,
  }),
])
const assistantBlock = z.discriminatedUnion('type', [
  text,
  z.strictObject({
    type: z.literal('tool_use'),
    id: toolUseId,
    name: z.string().min(1),
    input: z.record(z.string(), z.unknown()),
    caller: z.strictObject({ type: z.literal('direct') }).optional(),
    cache_control: cacheControl,
  }),
  z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
])

const emptyContent = 'all messages must have non-empty content except for the optional final assistant message'

export const message = z.discriminatedUnion('role', [
  z.strictObject({
    role: z.literal('user'),
    content: z.union([z.string().min(1, emptyContent), z.array(userBlock).min(1, emptyContent)]),
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([z.string().min(1, emptyContent), z.array(assistantBlock).min(1, emptyContent)]),
  }),
])

export type Message = z.infer<typeof message>
type AssistantBlock = z.infer<typeof assistantBlock>
type UserBlock = z.infer<typeof userBlock>
type ToolUseBlock = Extract<AssistantBlock, { type: 'tool_use' }>

/** The first thing about the order of the messages that the API would refuse. */
export function conversationFault(messages: readonly Message[]): Refused | undefined {
  if (messages[0]?.role !== 'user') return invalid('messages: first message must use the "user" role')
  const known = new Set<string>()
  for (const [index, current] of messages.entries()) {
    const previous = messages[index - 1]
    const asked = previous?.role === 'assistant' ? assistantBlocks(previous).filter(isToolUse) : []
    const fault =
      current.role === 'user' ? userFault(current, index, asked) : assistantFault(current, index, asked, known)
    if (fault) return fault
  }
  return messages.at(-1)?.role === 'user'
    ? undefined
    : invalid('This model does not support assistant message prefill. The conversation must end with a user message.')
}

function userFault(
  current: Extract<Message, { role: 'user' }>,
  index: number,
  asked: readonly ToolUseBlock[],
): Refused | undefined {
  const blocks = userBlocks(current)
  const answered = new Set<string>()
  for (const [place, block] of blocks.entries()) {
    if (block.type !== 'tool_result') continue
    const { tool_use_id: id } = block
    if (!asked.some((use) => use.id === id)) {
      return invalid(
        `messages.${index}.content.${place}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      )
    }
    if (answered.has(id)) {
      return invalid(
        `messages.${index}.content.${place}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${id}`,
      )
    }
    answered.add(id)
  }
  // The results come before everything else that the message says.
  const left = asked.filter(({ id }, place) => blocks[place]?.type !== 'tool_result' || !answered.has(id))
  return left.length > 0 ? unanswered(index - 1, left) : undefined
}

function assistantFault(
  current: Extract<Message, { role: 'assistant' }>,
  index: number,
  asked: readonly ToolUseBlock[],
  known: Set<string>,
): Refused | undefined {
  if (asked.length > 0) return unanswered(index - 1, asked)
  for (const [place, block] of assistantBlocks(current).entries()) {
    const at = `messages.${index}.content.${place}`
    if (block.type === 'thinking' && block.signature !== signatureOf(block.thinking)) {
      return invalid(`${at}: Invalid \`signature\` in \`thinking\` block`)
    }
    if (block.type !== 'tool_use') continue
    if (known.has(block.id)) return invalid(`${at}: \`tool_use\` ids must be unique`)
    known.add(block.id)
  }
  return undefined
}

function unanswered(index: number, uses: readonly { readonly id: string }[]): Refused {
  return invalid(
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${uses.map(({ id }) => id).join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
  )
}

export function invalid(message: string): Refused {
  return { status: 400, body: anthropicError('invalid_request_error', message) }
}

export function anthropicError(type: string, message: string) {
  return { type: 'error', error: { type, message }, request_id: null }
}

export function userBlocks(from: Extract<Message, { role: 'user' }>): readonly UserBlock[] {
  return typeof from.content === 'string' ? [{ type: 'text', text: from.content }] : from.content
}

function assistantBlocks(from: Extract<Message, { role: 'assistant' }>): readonly AssistantBlock[] {
  return typeof from.content === 'string' ? [{ type: 'text', text: from.content }] : from.content
}

function isToolUse(block: AssistantBlock): block is ToolUseBlock {
  return block.type === 'tool_use'
}
