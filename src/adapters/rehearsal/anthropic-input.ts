import { z } from 'zod'
import { signatureOf } from './anthropic-stream.ts'
import { type Prompt, tokensOf } from './prompt.ts'
import { type SchemaFault, schemaFault } from './strict-schema.ts'
import type { Reading, Refused } from './wire.ts'

const cacheControl = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }).nullish()
const toolUseId = z.string().regex(/^[a-zA-Z0-9_-]+$/)

const text = z.strictObject({
  type: z.literal('text'),
  text: z.string().min(1, 'text content blocks must be non-empty'),
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
const message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('user'), content: z.union([z.string().min(1), z.array(userBlock).min(1)]) }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([z.string().min(1), z.array(assistantBlock).min(1)]),
  }),
])
const jsonSchema = z.record(z.string(), z.unknown())

const request = z.strictObject({
  model: z.string().min(1),
  max_tokens: z.number().int().min(1),
  stream: z.literal(true),
  system: z.union([z.string(), z.array(text)]).optional(),
  messages: z.array(message).min(1),
  tools: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/),
        description: z.string().optional(),
        input_schema: z.looseObject({ type: z.literal('object') }),
        cache_control: cacheControl,
      }),
    )
    .optional(),
  output_config: z
    .strictObject({ format: z.strictObject({ type: z.literal('json_schema'), schema: jsonSchema }) })
    .optional(),
})

type Request = z.infer<typeof request>
type Message = z.infer<typeof message>
type AssistantBlock = z.infer<typeof assistantBlock>
type UserBlock = z.infer<typeof userBlock>

const outputRules = {
  allRequired: false,
  refused: new Set([
    'minimum',
    'maximum',
    'exclusiveMinimum',
    'exclusiveMaximum',
    'multipleOf',
    'minLength',
    'maxLength',
    'maxItems',
  ]),
}

/** Reads a request of the Messages API as strictly as the real one. */
export function readAnthropic(body: unknown): Reading {
  const parsed = request.safeParse(body)
  if (!parsed.success) return invalid(describe(parsed.error.issues[0]))
  const { data } = parsed
  const schema = data.output_config && schemaFault(data.output_config.format.schema, outputRules)
  const fault =
    conversationFault(data.messages) ?? (schema ? invalid(schemaComplaint(schema)) : undefined) ?? cacheFault(data)
  return fault ?? { prompt: toPrompt(data) }
}

/** The first thing about the order of the messages that the API would refuse. */
function conversationFault(messages: readonly Message[]): Refused | undefined {
  if (messages[0]?.role !== 'user') return invalid('messages: first message must use the "user" role')
  for (const [index, current] of messages.entries()) {
    const previous = messages[index - 1]
    const asked =
      previous?.role === 'assistant' ? assistantBlocks(previous).filter((block) => block.type === 'tool_use') : []
    if (current.role === 'user') {
      const blocks = userBlocks(current)
      const answered = blocks.filter((block) => block.type === 'tool_result')
      const stray = answered.find((block) => !asked.some(({ id }) => id === block.tool_use_id))
      if (stray) {
        return invalid(
          `messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray.tool_use_id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
        )
      }
      const left = asked.filter(
        ({ id }, place) => blocks[place]?.type !== 'tool_result' || !answered.some((block) => block.tool_use_id === id),
      )
      if (left.length > 0) return unanswered(index - 1, left)
    } else {
      if (asked.length > 0) return unanswered(index - 1, asked)
      const forged = assistantBlocks(current).some(
        (block) => block.type === 'thinking' && block.signature !== signatureOf(block.thinking),
      )
      if (forged) return invalid(`messages.${index}.content.0: Invalid \`signature\` in \`thinking\` block`)
    }
  }
  return messages.at(-1)?.role === 'user'
    ? undefined
    : invalid('This model does not support assistant message prefill. The conversation must end with a user message.')
}

function unanswered(index: number, uses: readonly { readonly id: string }[]): Refused {
  return invalid(
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${uses.map(({ id }) => id).join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
  )
}

function cacheFault(data: Request): Refused | undefined {
  const marks = JSON.stringify(data).split('"cache_control":{').length - 1
  return marks > 4 ? invalid(`A maximum of 4 blocks with cache_control may be provided. Found ${marks}.`) : undefined
}

function schemaComplaint({ what, detail }: SchemaFault): string {
  return what === 'keyword'
    ? `output_config.format.schema: property '${detail}' is not supported`
    : "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
}

function describe(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'the request was not understood'
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    return `${[...issue.path, issue.keys[0]].join('.')}: Extra inputs are not permitted`
  }
  const inner = issue.code === 'invalid_union' ? issue.errors.flat()[0] : undefined
  return `${path}: ${inner === undefined ? issue.message : describe({ ...inner, path: [] })}`
}

function invalid(message: string): Refused {
  return { status: 400, body: anthropicError('invalid_request_error', message) }
}

export function anthropicError(type: string, message: string) {
  return { type: 'error', error: { type, message }, request_id: null }
}

function userBlocks(from: Extract<Message, { role: 'user' }>): readonly UserBlock[] {
  return typeof from.content === 'string' ? [{ type: 'text', text: from.content }] : from.content
}

function assistantBlocks(from: Extract<Message, { role: 'assistant' }>): readonly AssistantBlock[] {
  return typeof from.content === 'string' ? [{ type: 'text', text: from.content }] : from.content
}

function toPrompt(data: Request): Prompt {
  const lastTurn = data.messages.findLastIndex(({ role }) => role === 'assistant')
  const fixed = tokensOf(JSON.stringify([data.system, data.tools ?? [], data.output_config ?? null]))
  const size = (messages: readonly Message[]) => fixed + tokensOf(JSON.stringify(messages))
  const marked = data.messages.some(({ content }) => JSON.stringify(content).includes('"cache_control":{'))
  return {
    provider: 'ANTHROPIC',
    model: data.model,
    system: typeof data.system === 'string' ? data.system : (data.system ?? []).map((block) => block.text).join(''),
    userTexts: data.messages.flatMap((from) => {
      if (from.role !== 'user') return []
      const texts = userBlocks(from).flatMap((block) => (block.type === 'text' ? [block.text] : []))
      return texts.length > 0 ? [texts.join('\n')] : []
    }),
    turn: data.messages.filter(({ role }) => role === 'assistant').length,
    tools: (data.tools ?? []).map((tool) => tool.name),
    inputTokens: size(data.messages),
    repeatedTokens: marked && lastTurn > 0 ? size(data.messages.slice(0, lastTurn)) : 0,
    outputLimit: data.max_tokens,
  }
}
