import { z } from 'zod'
import { conversationFault, type Item, invalid, isOutput, isUserMessage, schemaOf } from './openai-items.ts'
import { type Prompt, tokensOf } from './prompt.ts'
import { schemaFault } from './strict-schema.ts'
import type { Reading, Refused } from './wire.ts'

const jsonSchema = z.record(z.string(), z.unknown())

const request = z.strictObject({
  model: z.string().min(1),
  instructions: z.string().nullish(),
  input: z.array(z.looseObject({ type: z.string().optional(), role: z.string().optional() })).min(1),
  max_output_tokens: z.number().int().min(16),
  store: z.boolean().optional(),
  stream: z.literal(true),
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

const strictRules = { allRequired: true, refused: new Set<string>() }

/** Reads a request of the Responses API as strictly as the real one. */
export function readOpenAi(body: unknown): Reading {
  const parsed = request.safeParse(body)
  if (!parsed.success) return fromZod(parsed.error, [])
  const { data } = parsed
  const items: Item[] = []
  for (const [index, raw] of data.input.entries()) {
    const item = schemaOf(raw).safeParse(raw)
    if (!item.success) return fromZod(item.error, ['input', index])
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
  const fault = schemaFault(schema, strictRules)
  if (fault === null) return undefined
  const context = `In context=(${fault.where.map((step) => `'${step}'`).join(', ')})`
  const code = what.startsWith('function') ? 'invalid_function_parameters' : 'invalid_json_schema'
  return fault.what === 'required'
    ? invalid(
        `Invalid schema for ${what}: ${context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '${fault.detail}'.`,
        param,
        code,
      )
    : invalid(
        `Invalid schema for ${what}: ${context}, 'additionalProperties' is required to be supplied and to be false.`,
        param,
        code,
      )
}

function fromZod(error: z.ZodError, prefix: readonly (string | number)[]): Refused {
  const issue = error.issues[0]
  const path = [...prefix, ...(issue?.path ?? [])]
  if (issue?.code === 'unrecognized_keys') {
    const param = dotted([...path, issue.keys[0] ?? ''])
    return invalid(`Unknown parameter: '${param}'.`, param, 'unknown_parameter')
  }
  const param = dotted(path)
  return invalid(`Invalid value for '${param}': ${issue?.message ?? 'not understood'}.`, param, 'invalid_value')
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
