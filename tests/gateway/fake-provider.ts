import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface ProviderRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it sent
  readonly body: any
  /** Settles when the caller has closed the connection, or the answer has ended. */
  readonly closed: Promise<void>
}

type Answering = (request: ProviderRequest, response: ServerResponse) => void | Promise<void>

export interface FakeProvider extends AsyncDisposable {
  readonly origin: string
  /** For a server that takes it for both providers, with a key that may be found nowhere else. */
  readonly env: Readonly<Record<string, string>>
  requests(): readonly ProviderRequest[]
  /** From now on, this is how it answers. */
  answer(answering: Answering): void
}

export const canary = 'sk-canary-5f2c1d77e0a94b'

export const responsesUsage = {
  input_tokens: 40,
  input_tokens_details: { cached_tokens: 10, cache_write_tokens: 0 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 45,
}

export const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** An answer of the Responses API. */
export const hello = (response: ServerResponse): void =>
  json(response, 200, {
    id: 'resp_1',
    object: 'response',
    output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hello.' }] }],
    usage: responsesUsage,
  })

export const events = (response: ServerResponse, list: readonly object[]): void => {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const event of list) response.write(`data: ${JSON.stringify(event)}\n\n`)
}

/** Stands for a provider: what it answers is the test's to say, and what it was asked is kept. */
export const startFakeProvider = async (
  answering: Answering = (_, response) => hello(response),
): Promise<FakeProvider> => {
  const asked: ProviderRequest[] = []
  let current = answering
  const server = createServer(async (incoming, response) => {
    const closed = once(response, 'close').then(() => undefined)
    const body = JSON.parse((await buffer(incoming)).toString() || 'null')
    const request = { path: incoming.url ?? '', headers: incoming.headers, body, closed }
    asked.push(request)
    await current(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    env: {
      REHEARSAL: 'never',
      OPENAI_API_KEY: canary,
      OPENAI_BASE_URL: `${origin}/v1`,
      OPENAI_MODEL: 'gpt-6-luna',
      ANTHROPIC_API_KEY: canary,
      ANTHROPIC_BASE_URL: origin,
      ANTHROPIC_MODEL: 'claude-haiku-5-5',
    },
    requests: () => asked,
    answer(next) {
      current = next
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
