import type { IncomingMessage } from 'node:http'
import { isFields } from './request-rules.ts'
import type { Fault } from './wire.ts'

/** More than any prompt that fits the limits of a test; nothing larger is held in memory. */
const largestBody = 1024 * 1024
/** Of what is too large, so much is read and thrown away: a client that still sends would not see why it is refused. */
const mostRead = 8 * largestBody

interface BodyFault {
  readonly fault: Fault
  readonly message: string
}

/** Reads a request's body, and no more of it than is allowed. */
export const readRequest = async (incoming: IncomingMessage): Promise<{ readonly bytes: Buffer } | BodyFault> => {
  const tooLarge = { fault: 'TOO_LARGE', message: `A request may have ${largestBody} bytes.` } as const
  if (Number(incoming.headers['content-length'] ?? 0) > mostRead) return tooLarge
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > mostRead) return tooLarge
    if (size <= largestBody) pieces.push(piece)
    else pieces.length = 0
  }
  return size > largestBody ? tooLarge : { bytes: Buffer.concat(pieces) }
}

/** The JSON object that a body holds. Parsed, it may take twenty times its size: not before it can be sent. */
export const parseRequest = (bytes: Buffer): { readonly body: Readonly<Record<string, unknown>> } | BodyFault => {
  try {
    const body: unknown = JSON.parse(bytes.toString('utf8'))
    if (isFields(body)) return { body }
  } catch {
    // Told below, as what is JSON and no object.
  }
  return { fault: 'INVALID', message: 'The body must be a JSON object.' }
}
