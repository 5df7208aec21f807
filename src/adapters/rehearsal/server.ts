import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Provider } from '../../domain/ports/model-provider.ts'
import { anthropicError } from './anthropic-conversation.ts'
import { anthropicHeaderFault, readAnthropic } from './anthropic-input.ts'
import { anthropicFrames } from './anthropic-stream.ts'
import { type Fault, type Sending, sendingWith } from './fault.ts'
import { openAiHeaderFault, readOpenAi } from './openai-input.ts'
import { openAiError } from './openai-items.ts'
import { openAiFrames } from './openai-stream.ts'
import { play } from './play.ts'
import { type Prompt, roleOf, taskOf } from './prompt.ts'
import type { Turn } from './script.ts'
import { anthropicWhole, openAiWhole, type WholeAnswer } from './whole-answer.ts'
import type { Frame, Reading, Refused } from './wire.ts'

export interface RehearsalCall {
  readonly provider: Provider
  /** The model that was asked for. */
  readonly model: string
  readonly role: string | null
  readonly task: string | null
  /** How many turns the model had had before. */
  readonly turn: number
  readonly body: unknown
}

export interface RehearsalOptions {
  /** A pause before each word or piece of arguments, in milliseconds. Default 0. */
  readonly wordDelayMs?: number
  /** Asked for every call that has the right form; the call waits for the answer. */
  readonly intercept?: (call: RehearsalCall) => Fault | undefined | Promise<Fault | undefined>
}

export interface Rehearsal {
  readonly openaiBaseUrl: string
  readonly anthropicBaseUrl: string
  /** The last thousand calls that had the right form, oldest first. */
  calls(): readonly RehearsalCall[]
  /** Ends open answers too. */
  close(): Promise<void>
}

interface WireFormat {
  readonly provider: Provider
  readonly headerFault: (headers: IncomingHttpHeaders) => Refused | undefined
  readonly read: (body: unknown) => Reading
  readonly frames: (prompt: Prompt, turn: Turn) => Generator<Frame>
  readonly whole: WholeAnswer
  readonly error: (status: number, message: string) => Readonly<Record<string, unknown>>
  readonly errorEvent: (type: string, message: string) => Frame
}

const anthropicErrorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

const formats: Readonly<Record<string, WireFormat>> = {
  '/v1/responses': {
    provider: 'OPENAI',
    headerFault: openAiHeaderFault,
    read: readOpenAi,
    frames: openAiFrames,
    whole: openAiWhole,
    error: (status, message) =>
      openAiError(
        message,
        status >= 500 ? 'server_error' : status === 429 ? 'rate_limit_error' : 'invalid_request_error',
      ),
    errorEvent: (code, message) => ({
      event: 'error',
      data: { type: 'error', code, message, param: null, sequence_number: 99 },
    }),
  },
  '/v1/messages': {
    provider: 'ANTHROPIC',
    headerFault: anthropicHeaderFault,
    read: readAnthropic,
    frames: anthropicFrames,
    whole: anthropicWhole,
    error: (status, message) => anthropicError(anthropicErrorTypes[status] ?? 'api_error', message),
    errorEvent: (type, message) => ({ event: 'error', data: anthropicError(type, message) }),
  },
}

const largestBody = 32 * 1024 * 1024
const keptCalls = 1_000

/**
 * Starts the offline stand-in for both providers on a free port of the loopback. It remembers nothing between
 * calls, and marks each of its answers by a header and by the model's name.
 */
export async function startRehearsal(options: RehearsalOptions = {}): Promise<Rehearsal> {
  const calls: RehearsalCall[] = []
  const stopped = new AbortController()

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('x-countersign-rehearsal', '1')
    const format = formats[new URL(incoming.url ?? '/', 'http://loopback').pathname]
    if (format === undefined || incoming.method !== 'POST') {
      return sendJson(response, {
        status: 404,
        body: openAiError(`Unknown request URL: ${incoming.method} ${incoming.url}.`, 'invalid_request_error'),
      })
    }
    const refuse = (status: number, message: string) =>
      sendJson(response, { status, body: format.error(status, message) })
    const headerFault = format.headerFault(incoming.headers)
    if (headerFault) return sendJson(response, headerFault)
    const body = await readJson(incoming)
    if ('fault' in body) return refuse(body.status, body.fault)
    const reading = format.read(body.value)
    if ('status' in reading) return sendJson(response, reading)
    const { prompt } = reading
    const call = {
      provider: prompt.provider,
      model: prompt.model,
      role: roleOf(prompt),
      task: taskOf(prompt),
      turn: prompt.turn,
      body: body.value,
    }
    calls.push(call)
    if (calls.length > keptCalls) calls.shift()
    const fault = await options.intercept?.(call)
    if (fault?.kind === 'status') {
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter)
      return refuse(fault.status, fault.message ?? `The rehearsal was told to answer ${fault.status}.`)
    }
    if (fault?.kind === 'hang') return
    const frames = [...format.frames(prompt, fault?.kind === 'answer' ? fault.turn : play(prompt))]
    if ((body.value as { readonly stream?: unknown }).stream !== true)
      return sendWhole(response, format.whole(frames), fault)
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
    await sendFrames(response, sendingWith(fault, frames, format.errorEvent), options.wordDelayMs ?? 0, stopped.signal)
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((cause: unknown) => response.destroy(cause instanceof Error ? cause : undefined))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The rehearsal server has no port.')
  const origin = `http://127.0.0.1:${address.port}`
  return {
    openaiBaseUrl: `${origin}/v1`,
    anthropicBaseUrl: origin,
    calls: () => [...calls],
    async close() {
      stopped.abort()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function sendFrames(
  response: ServerResponse,
  sending: Sending,
  delayMs: number,
  stopped: AbortSignal,
): Promise<void> {
  for (const frame of sending.frames) {
    if (response.destroyed || stopped.aborted) return
    if (typeof frame !== 'string' && frame.paced && delayMs > 0) await wait(delayMs, undefined, { signal: stopped })
    const text = typeof frame === 'string' ? frame : `event: ${frame.event}\ndata: ${JSON.stringify(frame.data)}\n\n`
    if (!response.write(text)) await drainOrClose(response)
  }
  if (sending.end === 'close') {
    response.end()
    return
  }
  if (sending.end === 'hang') return
  // What was written has to leave before the connection breaks.
  response.write('', () => response.destroy())
}

/** An answer in one piece; what goes wrong with a stream goes wrong half-way through it. */
function sendWhole(response: ServerResponse, answer: object, fault: Fault | undefined): void {
  const text = JSON.stringify(answer)
  const isWhole = fault === undefined || fault.kind === 'answer'
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  if (isWhole) response.end(text)
  else response.write(text.slice(0, text.length / 2), () => response.destroy())
}

async function drainOrClose(response: ServerResponse): Promise<void> {
  const settled = new AbortController()
  const { signal } = settled
  const waits = [once(response, 'drain', { signal }), once(response, 'close', { signal })]
  try {
    await Promise.race(waits)
  } finally {
    // The loser would wait, and listen, as long as the response lives.
    settled.abort()
    await Promise.allSettled(waits)
  }
}

function sendJson(response: ServerResponse, { status, body }: Refused): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

async function readJson(incoming: IncomingMessage): Promise<{ value: unknown } | { status: number; fault: string }> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of incoming) {
    size += piece.length
    if (size > largestBody) return { status: 413, fault: 'The request is larger than 32 MiB.' }
    pieces.push(piece)
  }
  try {
    return { value: JSON.parse(Buffer.concat(pieces).toString('utf8')) }
  } catch {
    return { status: 400, fault: 'We could not parse the JSON body of your request.' }
  }
}
