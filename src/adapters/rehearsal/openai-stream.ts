import { createHash, randomBytes } from 'node:crypto'
import type { Prompt } from './prompt.ts'
import { argumentsText, type Turn } from './script.ts'
import { chunks, type Frame, withinLimit, words } from './wire.ts'

const seal = 'rehearsal-reasoning:'

/** True for reasoning that this server wrote: the real one refuses any other. */
export function isSealed(content: string): boolean {
  const text = Buffer.from(content, 'base64').toString('utf8')
  const [thought = '', digest] = text.slice(seal.length).split('|')
  return text.startsWith(seal) && digest === digestOf(thought)
}

function sealed(thought: string): string {
  return Buffer.from(`${seal}${thought}|${digestOf(thought)}`).toString('base64')
}

function digestOf(text: string): string {
  return createHash('sha256').update(`${seal}${text}`).digest('hex')
}

/** The shortest prefix that OpenAI caches. */
const shortestCachedPrefix = 1_024

type Item = Record<string, unknown>

/** The events of the Responses API for one turn, in their real order. */
export function* openAiFrames(prompt: Prompt, wanted: Turn): Generator<Frame> {
  const { turn, cut, outputTokens } = withinLimit(wanted, prompt.outputLimit)
  const id = newId('resp')
  const createdAt = Math.floor(Date.now() / 1_000)
  const response = (fields: Record<string, unknown>) => ({
    id,
    access_programs: null,
    object: 'response',
    created_at: createdAt,
    error: null,
    incomplete_details: null,
    instructions: prompt.system,
    max_output_tokens: prompt.outputLimit,
    metadata: {},
    model: 'rehearsal-openai',
    output: [],
    parallel_tool_calls: true,
    previous_response_id: null,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    truncation: 'disabled',
    ...fields,
  })
  let sequence = 0
  const frame = (type: string, fields: Record<string, unknown>, paced = false): Frame => ({
    event: type,
    data: { type, sequence_number: sequence++, ...fields },
    paced,
  })

  yield frame('response.created', { response: response({ status: 'in_progress' }) })
  yield frame('response.in_progress', { response: response({ status: 'in_progress' }) })
  const output: Item[] = []
  for (const part of partsOf(turn)) {
    const item = yield* part(output.length, frame, cut ? 'incomplete' : 'completed')
    output.push(item)
  }
  const cached = prompt.repeatedTokens >= shortestCachedPrefix ? prompt.repeatedTokens : 0
  const ending = cut
    ? { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
    : { status: 'completed', completed_at: createdAt }
  yield frame(cut ? 'response.incomplete' : 'response.completed', {
    response: response({
      ...ending,
      output,
      usage: {
        input_tokens: prompt.inputTokens,
        input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
        output_tokens: outputTokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: prompt.inputTokens + outputTokens,
      },
    }),
  })
}

type Framer = (type: string, fields: Record<string, unknown>, paced?: boolean) => Frame
type Writer = (index: number, frame: Framer, status: string) => Generator<Frame, Item>

function partsOf(turn: Turn): readonly Writer[] {
  return [
    (index, frame) => writeReasoning(turn.text, index, frame),
    ...(turn.text === ''
      ? []
      : [(index: number, frame: Framer, status: string) => writeMessage(turn, index, frame, status)]),
    ...(turn.toolCalls ?? []).map(
      (call) => (index: number, frame: Framer) => writeCall(call.name, argumentsText(call), index, frame),
    ),
  ]
}

function* writeReasoning(thought: string, index: number, frame: Framer): Generator<Frame, Item> {
  const item = { id: newId('rs'), type: 'reasoning', summary: [], encrypted_content: sealed(digestOf(thought)) }
  yield frame('response.output_item.added', { output_index: index, item })
  yield frame('response.output_item.done', { output_index: index, item })
  return item
}

function* writeMessage(turn: Turn, index: number, frame: Framer, status: string): Generator<Frame, Item> {
  const id = newId('msg')
  const [kind, field] = turn.refused ? ['refusal', 'refusal'] : ['output_text', 'text']
  const extra = turn.refused ? {} : { annotations: [], logprobs: [] }
  const part = (text: string) => ({ type: kind, ...extra, [field]: text })
  const item = (state: string, content: readonly Item[]) => ({
    id,
    type: 'message',
    status: state,
    role: 'assistant',
    content,
  })
  const at = { item_id: id, output_index: index, content_index: 0 }
  const logprobs = turn.refused ? {} : { logprobs: [] }

  yield frame('response.output_item.added', { output_index: index, item: item('in_progress', []) })
  yield frame('response.content_part.added', { ...at, part: part('') })
  for (const word of words(turn.text)) yield frame(`response.${kind}.delta`, { ...at, delta: word, ...logprobs }, true)
  yield frame(`response.${kind}.done`, { ...at, [field]: turn.text, ...logprobs })
  yield frame('response.content_part.done', { ...at, part: part(turn.text) })
  const whole = item(status, [part(turn.text)])
  yield frame('response.output_item.done', { output_index: index, item: whole })
  return whole
}

function* writeCall(name: string, text: string, index: number, frame: Framer): Generator<Frame, Item> {
  const id = newId('fc')
  const call = { id, type: 'function_call', call_id: newId('call'), name }
  const at = { item_id: id, output_index: index }
  yield frame('response.output_item.added', {
    output_index: index,
    item: { ...call, status: 'in_progress', arguments: '' },
  })
  for (const delta of chunks(text)) yield frame('response.function_call_arguments.delta', { ...at, delta }, true)
  yield frame('response.function_call_arguments.done', { ...at, arguments: text })
  const whole = { ...call, status: 'completed', arguments: text }
  yield frame('response.output_item.done', { output_index: index, item: whole })
  return whole
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(16).toString('hex')}`
}
