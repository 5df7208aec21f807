import { createHash, randomBytes } from 'node:crypto'
import type { Prompt } from './prompt.ts'
import { argumentsText, type Turn } from './script.ts'
import { chunks, type Frame, withinLimit, words } from './wire.ts'

/** What the real API signs its thinking with; a block that comes back changed is refused. */
export function signatureOf(thinking: string): string {
  return createHash('sha256').update(`rehearsal-thinking:${thinking}`).digest('base64')
}

/** The shortest prefix that Anthropic caches. */
const shortestCachedPrefix = 1_024

/** The events of the Messages API for one turn, in their real order. */
export function* anthropicFrames(prompt: Prompt, wanted: Turn): Generator<Frame> {
  const { turn, cut, outputTokens } = withinLimit(wanted, prompt.outputLimit)
  const frame = (type: string, fields: Record<string, unknown>, paced = false): Frame => ({
    event: type,
    data: { type, ...fields },
    paced,
  })
  const read = prompt.repeatedTokens >= shortestCachedPrefix ? prompt.repeatedTokens : 0
  const rest = prompt.inputTokens - read
  const input = {
    input_tokens: rest,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: read,
  }
  yield frame('message_start', {
    message: {
      id: newId('msg'),
      type: 'message',
      role: 'assistant',
      model: 'rehearsal-anthropic',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        ...input,
        cache_creation: null,
        inference_geo: null,
        output_tokens: 1,
        output_tokens_details: null,
        server_tool_use: null,
        service_tier: 'standard',
        speed: 'standard',
      },
    },
  })
  yield frame('ping', {})

  let index = 0
  function* block(start: Record<string, unknown>, deltas: readonly Record<string, unknown>[]): Generator<Frame> {
    yield frame('content_block_start', { index, content_block: start })
    for (const delta of deltas) yield frame('content_block_delta', { index, delta }, true)
    yield frame('content_block_stop', { index })
    index += 1
  }

  const thinking = `I play turn ${prompt.turn + 1}.`
  yield* block({ type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking },
    { type: 'signature_delta', signature: signatureOf(thinking) },
  ])
  if (turn.text !== '') {
    const deltas = words(turn.text).map((word) => ({ type: 'text_delta', text: word }))
    yield* block({ type: 'text', text: '', citations: null }, deltas)
  }
  for (const call of turn.toolCalls ?? []) {
    const deltas = ['', ...chunks(argumentsText(call))]
    yield* block(
      { type: 'tool_use', id: newId('toolu'), name: call.name, input: {}, caller: { type: 'direct' } },
      deltas.map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
    )
  }

  const stop = cut ? 'max_tokens' : turn.refused ? 'refusal' : turn.toolCalls ? 'tool_use' : 'end_turn'
  yield frame('message_delta', {
    delta: {
      stop_reason: stop,
      stop_sequence: null,
      stop_details: turn.refused ? { type: 'refusal', category: null, explanation: null } : null,
      container: null,
    },
    usage: { ...input, output_tokens: outputTokens, output_tokens_details: null, server_tool_use: null },
  })
  yield frame('message_stop', {})
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`
}
