import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type FetchAPI, type Plugin, processRegularResult } from 'graphql-yoga'
import { bodyLimits } from './limits.ts'

/**
 * What nearly all clients send: JSON of a length that is known and small, to be answered with JSON. The Request and
 * Response of the fetch API take longer than executing it, so that it goes to the GraphQL server without them, as an
 * object that has of a Request what is looked at.
 */
class PlainRequest {
  readonly method = 'POST'
  readonly url: string
  readonly headers: { get(name: string): string | null }
  readonly json: () => unknown
  readonly answerType: string
  constructor({ url = '', headers }: IncomingMessage, answerType: string, body: unknown) {
    this.url = url
    this.headers = { get: (name) => headers[name.toLowerCase()]?.toString() ?? null }
    this.json = () => body
    this.answerType = answerType
  }
}

/** The same of a Response. */
class PlainResponse {
  readonly text: string
  readonly status: number
  readonly headers: Map<string, string>
  constructor(text: string | null, { status = 200, headers = {} }: { status?: number; headers?: object } = {}) {
    this.text = text ?? ''
    this.status = status
    this.headers = new Map(Object.entries(headers))
  }
}

const jsonTypes: readonly string[] = ['application/json', 'application/graphql-response+json']

/** Which JSON a header asks for, as the GraphQL server takes it: the first one; undefined when it asks for none. */
const answerTypeOf = (accept: string | undefined): string | undefined => {
  if (accept === undefined || accept === '*/*' || accept === 'application/json') return 'application/json'
  for (const asked of accept.toLowerCase().replace(/\s/g, '').split(',')) {
    const [type = '', ...parameters] = asked.split(';')
    const charset = parameters.find((parameter) => parameter.includes('charset='))
    if (charset !== undefined && charset !== 'charset=utf-8') continue
    if (type === '*/*' || type === 'application/*') return 'application/json'
    if (jsonTypes.includes(type)) return type
  }
  return undefined
}

/** The type of its answer, if a request is a plain one by its head. */
export const plainAnswerType = ({ method, url, headers }: IncomingMessage): string | undefined => {
  const type = headers['content-type'] ?? ''
  const isJson = type === 'application/json' || type.startsWith('application/json;')
  const isKnownLength = headers['transfer-encoding'] === undefined && headers['content-length'] !== undefined
  const isPlain = method === 'POST' && url === '/graphql' && isJson && isKnownLength
  return isPlain && Number(headers['content-length']) <= bodyLimits.small ? answerTypeOf(headers.accept) : undefined
}

const readText = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.once('error', reject)
    request.once('close', () => reject(new Error('Whoever asked has left in the middle of it.')))
  })

/** The parameters in a body; undefined when it is not certain that the answer is one piece of JSON. */
const plainParams = (text: string): object | undefined => {
  try {
    const body: unknown = JSON.parse(text)
    const query = typeof body === 'object' && body !== null && 'query' in body ? body.query : undefined
    // No document has a subscription without the word.
    return typeof query === 'string' && !query.includes('subscription') ? (body as object) : undefined
  } catch {
    return undefined
  }
}

/**
 * The request as a plain one. When it is none, nothing is lost of it: what was read is where the HTTP adapter looks for
 * a body.
 */
export const readPlain = async (request: IncomingMessage, answerType: string): Promise<Request | undefined> => {
  const text = await readText(request)
  const params = plainParams(text)
  if (params) return new PlainRequest(request, answerType, params) as unknown as Request
  Object.assign(request, { body: Readable.from([Buffer.from(text)]) })
  return undefined
}

export const sendPlain = async (answer: Response | PlainResponse, response: ServerResponse): Promise<void> => {
  const text = answer instanceof PlainResponse ? answer.text : await answer.text()
  if (response.destroyed) return
  const headers = Object.fromEntries(answer.headers)
  response.writeHead(answer.status, { ...headers, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

const plainResponses = { Response: PlainResponse } as unknown as FetchAPI

/** Answers plain requests as the GraphQL server would. */
export const answerPlain = (): Plugin => ({
  onResultProcess({ request, setResultProcessor }) {
    if (!(request instanceof PlainRequest)) return
    setResultProcessor((result, _api, type) => processRegularResult(result, plainResponses, type), request.answerType)
  },
})
