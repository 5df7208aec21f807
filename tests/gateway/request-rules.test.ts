import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FakeProvider, startFakeProvider } from './fake-provider.ts'
import { ask, message, openGateway, question, rememberingBook } from './open-gateway.ts'

let provider: FakeProvider
beforeAll(async () => {
  provider = await startFakeProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())

const chat = { model: 'gpt-6-luna', messages: [{ role: 'user', content: 'Hello.' }] }
const part = (content: object) => ({ ...question, input: [{ role: 'user', content: [content] }] })
const block = (content: object) => ({ ...message, messages: [{ role: 'user', content: [content] }] })

describe('the gateway sends nothing', () => {
  it.each<[what: string, path: string, body: object]>([
    ['that the provider does without us waiting', '/v1/responses', { ...question, background: true }],
    ['that reads what others stored with the key', '/v1/responses', { ...question, previous_response_id: 'resp_1' }],
    ['that reads a stored conversation', '/v1/responses', { ...question, conversation: 'conv_1' }],
    ['that asks for a dearer service', '/v1/responses', { ...question, service_tier: 'priority' }],
    ['with a search of the web', '/v1/responses', { ...question, tools: [{ type: 'web_search' }] }],
    [
      'with a tool of another server',
      '/v1/responses',
      { ...question, tools: [{ type: 'mcp', server_url: 'https://x' }] },
    ],
    ['with an image from a link', '/v1/responses', part({ type: 'input_image', image_url: 'https://x/?secret' })],
    ['with a file of the account', '/v1/responses', part({ type: 'input_file', file_id: 'file_1' })],
    ['with an item of the account', '/v1/responses', { ...question, input: [{ type: 'item_reference', id: 'msg_1' }] }],
    ['with an item of the account that bears no type', '/v1/responses', { ...question, input: [{ id: 'msg_1' }] }],
    ['of a type that is no word', '/v1/responses', { ...question, input: [{ type: ['message'] }] }],
    ['without a model', '/v1/responses', { input: 'Hello.' }],
    ['with a model that is no name', '/v1/responses', { ...question, model: 'a\u0000b' }],
    ['with an output limit that is none', '/v1/responses', { ...question, max_output_tokens: -1 }],
    ['with an output limit beyond all bounds', '/v1/responses', { ...question, max_output_tokens: 1e300 }],
    ['several times over', '/v1/chat/completions', { ...chat, n: 4 }],
    ['with a search in chat', '/v1/chat/completions', { ...chat, web_search_options: {} }],
    ['with sound', '/v1/chat/completions', { ...chat, modalities: ['audio'] }],
    [
      'with an image in chat',
      '/v1/chat/completions',
      { ...chat, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x' } }] }] },
    ],
    ['with a remote tool', '/v1/messages', { ...message, mcp_servers: [{ url: 'https://x' }] }],
    [
      'with a search of the web by Anthropic',
      '/v1/messages',
      { ...message, tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    ],
    ['in a container', '/v1/messages', { ...message, container: 'c_1' }],
    [
      'with a document from a link',
      '/v1/messages',
      block({ type: 'document', source: { type: 'url', url: 'https://x' } }),
    ],
    [
      "with an image inside a tool's result",
      '/v1/messages',
      block({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'image', source: {} }] }),
    ],
    [
      'that is cached at another price',
      '/v1/messages',
      block({ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }),
    ],
    [
      'that caches its tools at another price',
      '/v1/messages',
      { ...message, tools: [{ name: 'x', input_schema: {}, cache_control: { type: 'ephemeral', ttl: '1h' } }] },
    ],
    ['that is no object', '/v1/messages', [message]],
  ])('%s', async (_, path, body) => {
    const { book, calls } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const sent = provider.requests().length
    const answer = await ask(gateway, { path, body })
    expect(answer).toMatchObject({ status: 400, json: { error: { type: 'invalid_request_error' } } })
    expect(answer.json.error.message).toMatch(/gateway|must|may|is offered/)
    expect(calls).toEqual([])
    expect(provider.requests()).toHaveLength(sent)
  })

  it.each([
    ['GET', '/v1/models'],
    ['POST', '/v1/files'],
    ['POST', '/v1/messages/batches'],
    ['POST', '/v1/messages/count_tokens'],
    ['GET', '/v1/responses'],
    ['POST', '/v1/responses/'],
    ['POST', '/v1/../v1/responses'],
    ['POST', '//v1/responses'],
    ['POST', 'http://example.org/v1/responses'],
    ['DELETE', '/v1/responses/resp_1'],
  ])('to %s %s', async (method, path) => {
    const { book } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const sent = provider.requests().length
    const answer = await ask(gateway, { method, path, body: question, headers: { host: 'example.org' } })
    expect(answer).toMatchObject({
      status: 404,
      json: { error: { message: expect.stringContaining('/v1/responses') } },
    })
    expect(answer.json.type).toBe(path.startsWith('/v1/messages') ? 'error' : undefined)
    expect(provider.requests()).toHaveLength(sent)
  })
})

describe('the gateway sends', () => {
  it.each<[what: string, path: string, body: object]>([
    [
      'a conversation with tools that the test runs',
      '/v1/responses',
      {
        ...question,
        input: [
          { role: 'user', content: [{ type: 'input_text', text: 'Hello.' }] },
          { type: 'function_call', call_id: 'c', name: 'look', arguments: '{"type":"input_image"}' },
          { type: 'function_call_output', call_id: 'c', output: 'x' },
        ],
        tools: [
          {
            type: 'function',
            name: 'look',
            parameters: { type: 'object', properties: { type: { type: 'string' } } },
            strict: false,
          },
        ],
        reasoning: { effort: 'low' },
      },
    ],
    [
      'the same to Anthropic, whatever JSON a model gave to a tool',
      '/v1/messages',
      {
        ...message,
        system: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }],
        messages: [
          ...message.messages,
          { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'look', input: { type: 'image' } }] },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'x' }] },
        ],
        tools: [{ name: 'look', input_schema: { type: 'object' } }],
      },
    ],
  ])('%s', async (_, path, body) => {
    const { book, calls } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    expect((await ask(gateway, { path, body })).status).toBe(200)
    expect(provider.requests().at(-1)?.body).toMatchObject(body)
    expect(calls[0]?.inputBytes).toBe(Buffer.byteLength(JSON.stringify(provider.requests().at(-1)?.body)))
  })
})
