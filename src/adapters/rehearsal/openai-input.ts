import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { type FormFault, formFault } from './form-fault.ts'
import {
  conversationFault,
  type Item,
  invalid,
  isOutput,
  isUserMessage,
  openAiError,
  schemaOf,
} from './openai-items.ts'
import { type Prompt, tokensOf } from './prompt.ts'
import { draftFault, schemaFault } from './strict-schema.ts'
import type { Reading, Refused } from './wire.ts'

const jsonSchema = z.record(z.string(), z.unknown())

const request = z.strictObject({
  model: z.string().min(1),
  prompt_cache_key: z.string().max(64).nullish(),
  instructions: z.string().nullish(),
  input: z.array(z.looseObject({ type: z.string().optional(), role: z.string().optional() })).min(1),
  max_output_tokens: z.number().int().min(16),
  store: z.boolean().optional(),
  stream: z.boolean().nullish(),
  include: z.array(z.literal('reasoning.encrypted_content')).optional(),
  parallel_tool_calls: z.boolean().optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
        description: z.string().optional(),
        parameters: jsonSchema,
        strict: z.boolean(),
      }),
    )
    .optional(),
  text: z
    .strictObject({
      format: z.strictObject({
        type: z.literal('json_schema'),
        name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
        schema: jsonSchema,
        strict: z.boolean(),
      }),
    })
    .optional(),
})

/** In strict mode every property is required, and no keyword may choose between or combine whole schemas but anyOf. */
const strictRules = {
  allRequired: true,
  refused: new Set([
    'allOf',
    'oneOf',
    'not',
    'if',
    'then',
    'else',
    'dependentRequired',
    'dependentSchemas',
    'patternProperties',
    'uniqueItems',
    'default',
  ]),
}

/** What the Responses API says of headers that it needs; undefined when it has them. */
export function openAiHeaderFault(headers: IncomingHttpHeaders): Refused | undefined {
  if (headers.authorization?.startsWith('Bearer ')) return undefined
  const words =
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
  return { status: 401, body: openAiError(words, 'invalid_request_error') }
}

/** Reads a request of the Responses API as strictly as the real one. */
export function readOpenAi(body: unknown): Reading {
  const parsed = request.safeParse(body, { reportInput: true })
  if (!parsed.success) return refusalOf(formFault(parsed.error), [])
  const { data } = parsed
  const items: Item[] = []
  for (const [index, raw] of data.input.entries()) {
    const item = schemaOf(raw).safeParse(raw, { reportInput: true })
    if (!item.success) return refusalOf(formFault(item.error), ['input', index])
    items.push(item.data)
  }
  const fault =
    conversationFault(items) ??
    (data.text &&
      schemaComplaint(`response_format '${data.text.format.name}'`, data.text.format.schema, 'text.format.schema')) ??
    data.tools
      ?.map(
        (tool, index) =>
          tool.strict && schemaComplaint(`function '${tool.name}'`, tool.parameters, `tools[${index}].parameters`),
      )
      .find(Boolean)
  if (fault) return fault
  return { prompt: toPrompt(data, items) }
}

function schemaComplaint(what: string, schema: Record<string, unknown>, param: string): Refused | undefined {
  const code = what.startsWith('function') ? 'invalid_function_parameters' : 'invalid_json_schema'
  const complain = (words: string) => invalid(`Invalid schema for ${what}: ${words}`, param, code)
  if (schema.type !== 'object') {
    const got = schema.type === undefined ? 'None' : String(schema.type)
    return complain(`schema must be a JSON Schema of 'type: "object"', got 'type: "${got}"'.`)
  }
  const broken = draftFault(schema)
  if (broken)
    return complain(`In context=${contextOf(broken)}, the schema is not valid under any of the given schemas.`)
  const fault = schemaFault(schema, strictRules)
  if (fault === null) return undefined
  const context = `In context=${contextOf(fault.where)}`
  switch (fault.what) {
    case 'keyword':
      return complain(`${context}, '${fault.detail}' is not permitted.`)
    case 'required':
      return complain(
        `${context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '${fault.detail}'.`,
      )
    case 'additionalProperties':
      return complain(`${context}, 'additionalProperties' is required to be supplied and to be false.`)
  }
}

function contextOf(where: readonly string[]): string {
  return `(${where.map((step) => `'${step}'`).join(', ')})`
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'an integer',
  int: 'an integer',
  boolean: 'a boolean',
  array: 'an array of objects',
  object: 'an object',
  record: 'an object',
}

const foundNames: Readonly<Record<string, string>> = {
  integer: 'an integer',
  array: 'an array',
  object: 'an object',
  null: 'null',
}

function refusalOf(fault: FormFault, prefix: readonly PropertyKey[]): Refused {
  const param = dotted([...prefix, ...fault.path])
  switch (fault.kind) {
    case 'unknown':
      return invalid(`Unknown parameter: '${param}'.`, param, 'unknown_parameter')
    case 'missing':
      return invalid(`Missing required parameter: '${param}'.`, param, 'missing_required_parameter')
    case 'type': {
      const expected = typeNames[fault.expected] ?? fault.expected
      const found = foundNames[fault.found] ?? `a ${fault.found}`
      return invalid(
        `Invalid type for '${param}': expected ${expected}, but got ${found} instead.`,
        param,
        'invalid_type',
      )
    }
    case 'value':
      return invalid(`Invalid value for '${param}': ${fault.words}.`, param, 'invalid_value')
  }
}

function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  )
}

function toPrompt(data: z.infer<typeof request>, items: readonly Item[]): Prompt {
  const turn = items.filter((item, index) => isOutput(item) && !isOutput(items[index - 1])).length
  const lastOutput = items.findLastIndex((item) => isOutput(item))
  const fixed = tokensOf(JSON.stringify([data.instructions, data.tools ?? [], data.text ?? null]))
  const size = (part: readonly Item[]) => fixed + tokensOf(JSON.stringify(part))
  return {
    provider: 'OPENAI',
    model: data.model,
    system: data.instructions ?? '',
    userTexts: items.flatMap((item) => {
      if (!isUserMessage(item)) return []
      return [typeof item.content === 'string' ? item.content : item.content.map((part) => part.text).join('')]
    }),
    turn,
    tools: (data.tools ?? []).map((tool) => tool.name),
    inputTokens: size(items),
    repeatedTokens: lastOutput === -1 ? 0 : size(items.slice(0, lastOutput)),
    outputLimit: data.max_output_tokens,
  }
}
