import type { IncomingMessage, ServerResponse } from 'node:http'

/** Why a request is not answered. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers with an error that was found before anything was read. */
export const refuse = (response: ServerResponse, { status, code, message, headers }: Refusal): void => {
  const body = `${JSON.stringify({ errors: [{ message, extensions: { code } }] })}\n`
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

/** The connection is closed, since the rest of the body is not read. */
export const tooLarge = (maxBytes: number): Refusal => ({
  status: 413,
  code: 'TOO_LARGE',
  message: `The request is larger than ${maxBytes} bytes.`,
  headers: { connection: 'close' },
})

/** @param message says that this can only be read */
export const readOnly = (message: string): Refusal => ({
  status: 405,
  code: 'METHOD_NOT_ALLOWED',
  message,
  headers: { allow: 'GET, HEAD' },
})

/** Whether a request is one that what can only be read answers. */
export const isReading = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD'

/** What pages of other origins may do: comma-separated lists, as the headers have them. */
export interface OriginRules {
  readonly methods: string
  readonly headers: string
  readonly exposed: string
}

/** @returns whether that was all: a browser asking whether it may ask */
export const answerOrigin = (
  origins: readonly string[],
  rules: OriginRules,
  request: IncomingMessage,
  response: ServerResponse,
): boolean => {
  const { origin } = request.headers
  response.setHeader('vary', 'origin, authorization')
  if (origin === undefined || !origins.includes(origin)) return false
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-expose-headers', rules.exposed)
  if (request.method !== 'OPTIONS') return false
  response.setHeader('access-control-allow-methods', rules.methods)
  response.setHeader('access-control-allow-headers', rules.headers)
  response.writeHead(204).end()
  return true
}

/** The body of a request; undefined as soon as it is longer than it may be. */
export const readBody = async (request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
