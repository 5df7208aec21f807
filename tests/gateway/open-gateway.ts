import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { createModelGateway } from '../../src/adapters/gateway/model-gateway.ts'
import { offeredModels } from '../../src/adapters/llm/offered-models.ts'
import { readPrices } from '../../src/adapters/llm/prices.ts'
import type {
  Admission,
  CallBook,
  CallOutcome,
  GatewayCall,
  OpenGateway,
} from '../../src/domain/ports/model-gateway.ts'
import type { Provider } from '../../src/domain/ports/model-provider.ts'
import { canary, type FakeProvider } from './fake-provider.ts'

/** A call book that remembers what was entered. */
export const rememberingBook = (refuse: (call: GatewayCall) => Admission | null = () => null) => {
  const calls: GatewayCall[] = []
  const outcomes: CallOutcome[] = []
  const notes: string[] = []
  const book: CallBook = {
    async admit(call) {
      const refusal = refuse(call)
      if (refusal) return refusal
      calls.push(call)
      return { callId: String(calls.length) }
    },
    async settle(_, outcome) {
      outcomes.push(outcome)
    },
    note: (message) => notes.push(message),
  }
  return { book, calls, outcomes, notes }
}

const log = { debug() {}, info() {}, warn() {}, error() {} }

const prices = readPrices(new URL('../../prices.json', import.meta.url))
const configured = { get: () => undefined, judge: undefined, sessionModel: () => undefined }
const priced = (provider: Provider) => offeredModels(provider, configured, prices)

/** A gateway to a provider for one test, which offers the models that have a price. */
export const openGateway = async (provider: FakeProvider, book: CallBook, isolated = true): Promise<OpenGateway> => {
  const targets = {
    OPENAI: { baseUrl: `${provider.origin}/v1`, apiKey: canary, models: priced('OPENAI') },
    ANTHROPIC: { baseUrl: provider.origin, apiKey: canary, models: priced('ANTHROPIC') },
  }
  return (await createModelGateway({ targets, log })).open(book, isolated)
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asked for
  readonly json: any
}

export interface Ask {
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** One request at a gateway's socket, as a test in a sandbox would make it. */
export const ask = async (
  { door }: OpenGateway,
  { path = '/v1/responses', method = 'POST', headers, body, signal }: Ask,
): Promise<Answer> => {
  const asked = request({
    socketPath: door?.socket,
    path,
    method,
    headers: { host: 'anything', 'content-type': 'application/json', ...headers },
    ...(signal && { signal }),
  })
  asked.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
  const [response] = await once(asked, 'response')
  const said = await text(response)
  const isJson = String(response.headers['content-type']).includes('json')
  return { status: response.statusCode, headers: response.headers, text: said, json: isJson ? JSON.parse(said) : null }
}

export const question = { model: 'gpt-6-luna', input: [{ role: 'user', content: 'Hello.' }] }
export const message = { model: 'claude-haiku-5-5', messages: [{ role: 'user', content: 'Hello.' }] }
