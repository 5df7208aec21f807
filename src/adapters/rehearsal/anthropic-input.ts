import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import {
  anthropicError,
  conversationFault,
  invalid,
  type Message,
  message,
  text,
  userBlocks,
} from './anthropic-conversation.ts'
import { formFault } from './form-fault.ts'
import { type Prompt, tokensOf } from './prompt.ts'
import { draftFault, type SchemaFault, schemaFault } from './strict-schema.ts'
import type { Reading, Refused } from './wire.ts'

const request = z.strictObject({
  model: z.string().min(1, 'String should have at least 1 character'),
  max_tokens: z.number().int().min(1, 'Input should be greater than or equal to 1'),
  stream: z.boolean().optional(),
  system: z.union([z.string(), z.array(text)]).optional(),
  messages: z.array(message).min(1, 'at least one message is required'),
  tools: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/, "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"),
        description: z.string().optional(),
        input_schema: z.looseObject({ type: z.literal('object') }),
        cache_control: text.shape.cache_control,
      }),
    )
    .optional(),
  output_config: z
    .strictObject({
      format: z.strictObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) }),
    })
    .optional(),
})

type Request = z.infer<typeof request>

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

/** What the Messages API says of headers that it needs; undefined when it has them. */
export function anthropicHeaderFault(headers: IncomingHttpHeaders): Refused | undefined {
  if (!headers['x-api-key'] && !headers.authorization?.startsWith('Bearer ')) {
    return { status: 401, body: anthropicError('authentication_error', 'x-api-key header is required') }
  }
  return headers['anthropic-version'] ? undefined : invalid('anthropic-version: header is required')
}

/** Reads a request of the Messages API as strictly as the real one. */
export function readAnthropic(body: unknown): Reading {
  const parsed = request.safeParse(body, { reportInput: true })
  if (!parsed.success) return invalid(describe(parsed.error))
  const { data } = parsed
  const schema = data.output_config && schemaFault(data.output_config.format.schema, outputRules)
  const fault =
    conversationFault(data.messages) ??
    (schema ? invalid(schemaComplaint(schema)) : undefined) ??
    toolFault(data.tools ?? []) ??
    cacheFault(data)
  return fault ?? { prompt: toPrompt(data) }
}

function toolFault(tools: NonNullable<Request['tools']>): Refused | undefined {
  if (new Set(tools.map(({ name }) => name)).size < tools.length) return invalid('tools: Tool names must be unique.')
  const wrong = tools.findIndex((tool) => draftFault(tool.input_schema) !== null)
  return wrong === -1
    ? undefined
    : invalid(
        `tools.${wrong}.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 (https://json-schema.org/draft/2020-12).`,
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

const typeNames: Readonly<Record<string, string>> = {
  string: 'a valid string',
  number: 'a valid integer',
  int: 'a valid integer',
  boolean: 'a valid boolean',
  array: 'a valid list',
  object: 'a valid dictionary',
  record: 'a valid dictionary',
}

function describe(error: z.ZodError): string {
  const fault = formFault(error)
  const path = fault.path.join('.')
  switch (fault.kind) {
    case 'unknown':
      return `${path}: Extra inputs are not permitted`
    case 'missing':
      return `${path}: Field required`
    case 'type':
      return `${path}: Input should be ${typeNames[fault.expected] ?? fault.expected}`
    case 'value':
      return `${path}: ${fault.words}`
  }
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
