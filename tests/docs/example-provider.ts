import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { parseObject } from '../../src/adapters/llm/anthropic-request.ts'
import {
  BrokenStream,
  type Failure,
  failureOfComplaint,
  failureOfConnection,
  failureOfStream,
} from '../../src/adapters/llm/failure.ts'
import { guardedProvider } from '../../src/adapters/llm/guarded-call.ts'
import type { ProviderOptions } from '../../src/adapters/llm/provider-options.ts'
import { streamEvents } from '../../src/adapters/llm/stream-events.ts'
import { watchedFetch } from '../../src/adapters/llm/watched-fetch.ts'
import type { ModelAnswer, ModelProvider, ModelRequest, ToolUse } from '../../src/domain/ports/model-provider.ts'

const toolCall = z.object({ function: z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }) })

/** A line of the stream. The last one has the counts. */
const piece = z.object({
  model: z.string(),
  message: z.object({ content: z.string(), tool_calls: z.array(toolCall).default([]) }),
  done: z.boolean(),
  done_reason: z.string().optional(),
  prompt_eval_count: z.int().nonnegative().optional(),
  eval_count: z.int().nonnegative().optional(),
})
type Piece = z.infer<typeof piece>

/** The server's own error, before its answer or in it. */
class Complaint extends Error {
  readonly response: Response
  constructor(message: string, response: Response) {
    super(message)
    this.response = response
  }
}

const isTold = (cause: unknown): boolean => cause instanceof Complaint || cause instanceof BrokenStream

/** A server that speaks Ollama's chat API. */
export function createExampleProvider(options: ProviderOptions): ModelProvider {
  const { apiKey, baseUrl = 'http://127.0.0.1:11434' } = options

  async function attempt(request: ModelRequest, signal: AbortSignal, onLife: () => void): Promise<ModelAnswer> {
    const response = await watchedFetch(onLife)(`${baseUrl}/api/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }) },
      body: JSON.stringify(toBody(request)),
      signal,
    })
    if (!response.ok) throw new Complaint(await response.text(), response)
    const pieces: Piece[] = []
    for await (const next of streamEvents(piecesOf(response), isTold)) {
      if (next.message.content !== '') request.onText?.(next.message.content)
      pieces.push(next)
      if (next.done) return toAnswer(next, pieces)
    }
    throw new BrokenStream('cut_stream', 'the stream ended before the answer was whole.')
  }

  function failureOf(cause: unknown): Failure | null {
    if (cause instanceof BrokenStream) return failureOfStream('OPENAI', apiKey, cause)
    if (cause instanceof Complaint) {
      const { ok, status, headers } = cause.response
      const { message } = cause
      return failureOfComplaint('OPENAI', apiKey, { status: ok ? undefined : status, kinds: [], message, headers })
    }
    // What fetch throws when there was no answer at all.
    return cause instanceof TypeError ? failureOfConnection('OPENAI', apiKey, cause) : null
  }

  return guardedProvider({ provider: 'OPENAI', attempt, failureOf }, options)
}

function toBody(request: ModelRequest): object {
  return {
    model: request.model,
    stream: true,
    options: { num_predict: request.maxOutputTokens },
    messages: [{ role: 'system', content: request.system }, ...toMessages(request)],
    tools: request.tools.map((tool) => ({ type: 'function', function: tool })),
    ...(request.structured && { format: request.structured.schema }),
  }
}

function toMessages({ messages }: ModelRequest): object[] {
  const names = new Map<string, string>()
  return messages.flatMap((message): object[] => {
    if (message.role === 'user') return [{ role: 'user', content: message.text }]
    if (message.role === 'tool') {
      return message.outcomes.map(({ toolUseId, text }) => {
        return { role: 'tool', tool_name: names.get(toolUseId), content: text }
      })
    }
    for (const { id, name } of message.toolUses) names.set(id, name)
    const calls = message.toolUses.map(({ name, argumentsText }) => {
      return { function: { name, arguments: parseObject(argumentsText) ?? {} } }
    })
    return [{ role: 'assistant', content: message.text, tool_calls: calls }]
  })
}

async function* piecesOf(response: Response): AsyncGenerator<Piece, void, undefined> {
  let rest = ''
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const value: unknown = JSON.parse(line)
      const fault = z.object({ error: z.string() }).safeParse(value)
      if (fault.success) throw new Complaint(fault.data.error, response)
      const parsed = piece.safeParse(value)
      if (!parsed.success) throw new BrokenStream('malformed_answer', z.prettifyError(parsed.error))
      yield parsed.data
    }
  }
}

function toAnswer(last: Piece, pieces: readonly Piece[]): ModelAnswer {
  const text = pieces.map(({ message }) => message.content).join('')
  const calls = pieces.flatMap(({ message }) => message.tool_calls)
  const { prompt_eval_count: inputTokens, eval_count: outputTokens } = last
  if (inputTokens === undefined || outputTokens === undefined) {
    throw new BrokenStream('malformed_answer', 'the answer does not say how many tokens it took.')
  }
  // This API gives calls no ids, and each result has to name the call that it is of.
  const toolUses = calls.map(({ function: { name, arguments: given } }): ToolUse => {
    return { id: randomUUID(), name, argumentsText: JSON.stringify(given) }
  })
  return {
    text,
    toolUses,
    stop: toolUses.length > 0 ? 'TOOLS' : last.done_reason === 'length' ? 'LENGTH' : 'END',
    usage: { inputTokens, cachedInputTokens: 0, outputTokens },
    model: last.model,
    raw: { ...last, message: { content: text, tool_calls: calls } },
    turn: { role: 'assistant', text, toolUses },
  }
}
