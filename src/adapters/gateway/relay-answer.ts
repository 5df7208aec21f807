import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { TokenCount } from '../../domain/ports/model-provider.ts'
import type { AllowedRequest, WireFormat } from './wire.ts'

/** What of a provider's headers a test may see: nothing of the account. */
const shownHeaders = [
  'content-type',
  'request-id',
  'retry-after',
  'retry-after-ms',
  'x-countersign-rehearsal',
  'x-request-id',
  'x-should-retry',
]

const largestAnswer = 32 * 1024 * 1024
const longestLine = 8 * 1024 * 1024

/** An answer that is not what was asked for. Nobody knows what it cost. */
export class UnusableAnswer extends Error {
  override readonly name = 'UnusableAnswer'
}

/** Those of an answer's headers that are passed on. */
export const headersToShow = (answer: Response): Record<string, string> =>
  Object.fromEntries(
    shownHeaders.flatMap((name) => {
      const value = answer.headers.get(name)
      return value === null ? [] : [[name, value]]
    }),
  )

/** Takes the server's key out of what a provider says, should it ever say it. */
export const withoutKey = (text: string, key: string | null): string =>
  key === null || key === '' ? text : text.replaceAll(key, '[redacted]')

/**
 * The text of an answer that comes in one piece.
 * @throws UnusableAnswer when it is larger than any should be
 */
export const wholeText = async (answer: Response, mostBytes = largestAnswer): Promise<string> => {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of answer.body ?? []) {
    size += piece.length
    if (size > mostBytes) throw new UnusableAnswer(`the answer has more than ${mostBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

async function* linesOf(answer: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of answer.body ?? []) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > longestLine)
      throw new UnusableAnswer(`a line of the stream has more than ${longestLine} characters`)
    yield* lines
  }
  if (rest !== '') yield rest
}

const eventOf = (line: string): unknown => {
  if (!line.startsWith('data:')) return undefined
  try {
    return JSON.parse(line.slice('data:'.length))
  } catch {
    // Such as the end mark of chat completions.
    return undefined
  }
}

/** Waits until more can be written, or nobody reads any more. */
const readable = async (response: ServerResponse, signal: AbortSignal): Promise<void> => {
  const settled = new AbortController()
  const either = AbortSignal.any([settled.signal, signal])
  const waits = [once(response, 'drain', { signal: either }), once(response, 'close', { signal: either })]
  try {
    await Promise.race(waits)
  } finally {
    settled.abort()
    await Promise.allSettled(waits)
  }
}

/**
 * Passes a stream on, line by line, as fast as it is read.
 * @returns what it says that it cost; null when it ended before it said so
 * @throws the signal's reason, or what broke the stream, unless the answer was whole by then
 */
export const relayStream = async (
  answer: Response,
  response: ServerResponse,
  {
    format,
    request,
    key,
    signal,
  }: { format: WireFormat; request: AllowedRequest; key: string | null; signal: AbortSignal },
): Promise<TokenCount | null> => {
  const reader = format.openStream()
  try {
    for await (const line of linesOf(answer)) {
      const event = eventOf(line)
      reader.add(event)
      if (request.isHidden?.(event)) continue
      if (!response.write(`${withoutKey(line, key)}\n`)) await readable(response, signal)
      signal.throwIfAborted()
    }
  } catch (error) {
    // A test may leave as soon as it has read the end.
    const usage = reader.usage()
    if (usage === null) throw error
    return usage
  }
  return reader.usage()
}
