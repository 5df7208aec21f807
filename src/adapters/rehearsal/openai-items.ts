import { z } from 'zod'
import { isSealed } from './openai-stream.ts'
import type { Refused } from './wire.ts'

const inputText = z.strictObject({ type: z.literal('input_text'), text: z.string() })
const status = z.enum(['in_progress', 'completed', 'incomplete']).optional()

const userMessage = z.strictObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'system', 'developer']),
  content: z.union([z.string(), z.array(inputText).min(1)]),
})
const assistantText = z.strictObject({
  type: z.literal('message').optional(),
  role: z.literal('assistant'),
  content: z.string(),
})
const outputMessage = z.strictObject({
  type: z.literal('message'),
  id: z.string().startsWith('msg_'),
  role: z.literal('assistant'),
  status,
  content: z.array(
    z.union([
      z.strictObject({
        type: z.literal('output_text'),
        text: z.string(),
        annotations: z.array(z.unknown()),
        logprobs: z.array(z.unknown()).optional(),
      }),
      z.strictObject({ type: z.literal('refusal'), refusal: z.string() }),
    ]),
  ),
  phase: z.enum(['commentary', 'final_answer']).nullish(),
})
const reasoning = z.strictObject({
  type: z.literal('reasoning'),
  id: z.string().startsWith('rs_'),
  summary: z.array(z.strictObject({ type: z.literal('summary_text'), text: z.string() })),
  encrypted_content: z.string(),
  status,
})
const functionCall = z.strictObject({
  type: z.literal('function_call'),
  id: z.string().startsWith('fc_').optional(),
  call_id: z.string().min(1),
  name: z.string().min(1),
  arguments: z.string(),
  status,
})
const functionCallOutput = z.strictObject({
  type: z.literal('function_call_output'),
  id: z.string().nullish(),
  call_id: z.string().min(1),
  output: z.string(),
  status,
})

export type Item = z.infer<
  | typeof userMessage
  | typeof assistantText
  | typeof outputMessage
  | typeof reasoning
  | typeof functionCall
  | typeof functionCallOutput
>

/** The form that an item has to have, by what it says of itself. */
export function schemaOf(item: {
  type?: string | undefined
  role?: string | undefined
  id?: unknown
}): z.ZodType<Item> {
  if (item.type === 'function_call') return functionCall
  if (item.type === 'function_call_output') return functionCallOutput
  if (item.type === 'reasoning') return reasoning
  if (item.role !== 'assistant') return userMessage
  return item.id === undefined ? assistantText : outputMessage
}

/** The first thing about the order of the items that the API would refuse. */
export function conversationFault(items: readonly Item[]): Refused | undefined {
  const waiting = new Set<string>()
  const called = new Set<string>()
  const ids = new Set<string>()
  for (const [index, item] of items.entries()) {
    const id = 'id' in item ? item.id : undefined
    if (id && ids.has(id)) {
      return invalid(
        `Duplicate item found with id ${id}. Remove duplicate items from your input and try again.`,
        'input',
      )
    }
    if (id) ids.add(id)
    if (isUserMessage(item) && waiting.size > 0) break
    if (item.type === 'function_call') {
      if (called.has(item.call_id)) {
        return invalid(`Duplicate function call found with call_id ${item.call_id}.`, 'input')
      }
      called.add(item.call_id)
      waiting.add(item.call_id)
    }
    if (item.type === 'function_call_output' && !waiting.delete(item.call_id)) {
      return invalid(`No tool call found for function call output with call_id ${item.call_id}.`, 'input')
    }
    const fault = item.type === 'reasoning' ? reasoningFault(item, items[index + 1]) : undefined
    if (fault) return fault
  }
  const [unanswered] = waiting
  return unanswered === undefined
    ? undefined
    : invalid(`No tool output found for function call ${unanswered}.`, 'input')
}

function reasoningFault(item: z.infer<typeof reasoning>, next: Item | undefined): Refused | undefined {
  if (!isSealed(item.encrypted_content)) {
    return invalid(
      `The encrypted content for item ${item.id} could not be verified.`,
      'input',
      'invalid_encrypted_content',
    )
  }
  return isOutput(next)
    ? undefined
    : invalid(`Item '${item.id}' of type 'reasoning' was provided without its required following item.`, 'input')
}

/** True for what a model wrote. */
export function isOutput(item: Item | undefined): boolean {
  if (item === undefined) return false
  return item.type === 'reasoning' || item.type === 'function_call' || ('role' in item && item.role === 'assistant')
}

export function isUserMessage(item: Item): item is z.infer<typeof userMessage> {
  return 'role' in item && item.role === 'user'
}

export function invalid(message: string, param: string | null, code: string | null = null): Refused {
  return { status: 400, body: openAiError(message, 'invalid_request_error', param, code) }
}

export function openAiError(message: string, type: string, param: string | null = null, code: string | null = null) {
  return { error: { message, type, param, code } }
}
