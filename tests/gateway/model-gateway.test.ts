import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  canary,
  events,
  type FakeProvider,
  hello,
  json,
  type ProviderRequest,
  responsesUsage,
  startFakeProvider,
} from './fake-provider.ts'
import { ask, message, openGateway, question, rememberingBook } from './open-gateway.ts'

let provider: FakeProvider
beforeEach(async () => {
  provider = await startFakeProvider()
})
afterEach(() => provider[Symbol.asyncDispose]())

const messagesUsage = { input_tokens: 20, cache_read_input_tokens: 8, cache_creation_input_tokens: 2, output_tokens: 4 }

describe('a call through the gateway', () => {
  it("goes to the provider with the server's key and without the test's headers, and is entered before it is sent", async () => {
    const { book, calls, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const enteredFirst = new Promise<number>((resolve) => {
      provider.answer((_, response) => {
        resolve(calls.length)
        hello(response)
      })
    })
    const answer = await ask(gateway, {
      body: question,
      headers: {
        authorization: 'Bearer mine',
        'openai-organization': 'org',
        cookie: 'a=b',
        'x-forwarded-for': '1.2.3.4',
      },
    })
    expect(answer).toMatchObject({ status: 200, json: { id: 'resp_1' } })
    expect(await enteredFirst).toBe(1)
    const [request] = provider.requests()
    expect(request?.headers).toMatchObject({ authorization: `Bearer ${canary}`, 'content-type': 'application/json' })
    expect(Object.keys(request?.headers ?? {})).not.toEqual(expect.arrayContaining(['cookie']))
    expect(request?.headers['openai-organization']).toBeUndefined()
    expect(request?.headers['x-forwarded-for']).toBeUndefined()
    expect(outcomes).toEqual([
      {
        status: 'ANSWERED',
        usage: { inputTokens: 40, cachedInputTokens: 10, cacheWriteInputTokens: 0, outputTokens: 5 },
      },
    ])
  })

  it('has an output limit also where the test sets none, and stores nothing with the provider', async () => {
    const { book, calls } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    await ask(gateway, { body: { ...question, store: true } })
    provider.answer((_, response) => json(response, 200, { type: 'message', usage: messagesUsage }))
    await ask(gateway, { path: '/v1/messages', body: message })
    expect(provider.requests().map(({ body }) => body)).toMatchObject([
      { max_output_tokens: 4096, store: false },
      { max_tokens: 4096 },
    ])
    expect(calls.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([4096, 4096])
  })

  it('is passed on as it is streamed, and settled by what the stream says that it used', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    provider.answer((_, response) => {
      events(response, [{ type: 'response.created' }, { type: 'response.output_text.delta', delta: 'Grüße' }])
      events(response, [{ type: 'response.completed', response: { usage: responsesUsage } }])
      response.end()
    })
    const streamed = await ask(gateway, { body: { ...question, stream: true } })
    expect(streamed.headers['content-type']).toBe('text/event-stream')
    expect(streamed.text).toContain('"delta":"Grüße"')
    provider.answer((_, response) => {
      events(response, [
        { type: 'message_start', message: { usage: { ...messagesUsage, output_tokens: 1 } } },
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 4, input_tokens: null } },
        { type: 'message_stop' },
      ])
      response.end()
    })
    await ask(gateway, { path: '/v1/messages', body: { ...message, stream: true } })
    expect(outcomes).toMatchObject([
      { status: 'ANSWERED', usage: { inputTokens: 40, outputTokens: 5 } },
      {
        status: 'ANSWERED',
        usage: { inputTokens: 30, cachedInputTokens: 8, cacheWriteInputTokens: 2, outputTokens: 4 },
      },
    ])
  })

  it('speaks chat completions too, and keeps to itself the usage that the test did not ask for', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const usage = { prompt_tokens: 12, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 4 } }
    provider.answer((_, response) => {
      events(response, [{ choices: [{ delta: { content: 'Hi' } }] }, { choices: [], usage }])
      response.end('data: [DONE]\n\n')
    })
    const chat = { model: 'gpt-6-luna', messages: [{ role: 'user', content: 'Hello.' }], stream: true }
    const plain = await ask(gateway, { path: '/v1/chat/completions', body: chat })
    expect(plain.text).toContain('"content":"Hi"')
    expect(plain.text).toContain('[DONE]')
    expect(plain.text).not.toContain('prompt_tokens')
    const asking = { ...chat, stream_options: { include_usage: true } }
    expect((await ask(gateway, { path: '/v1/chat/completions', body: asking })).text).toContain('prompt_tokens')
    expect(
      provider.requests().map(({ path, body }) => [path, body.stream_options, body.max_completion_tokens]),
    ).toEqual([
      ['/v1/chat/completions', { include_usage: true }, 4096],
      ['/v1/chat/completions', { include_usage: true }, 4096],
    ])
    const used = { status: 'ANSWERED', usage: { inputTokens: 12, cachedInputTokens: 4, outputTokens: 3 } }
    expect(outcomes).toEqual([used, used])
  })

  it('whose stream is cut breaks off for the test as well, and counts as spent', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    provider.answer((_, response) => {
      events(response, [{ type: 'response.created' }])
      response.write('data: {"type":', () => response.destroy())
    })
    await expect(ask(gateway, { body: { ...question, stream: true } })).rejects.toThrow(/aborted/)
    expect(outcomes).toMatchObject([{ status: 'LOST', reason: expect.stringContaining('not whole') }])
  })

  it('counts as spent when the answer does not say what it used', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    provider.answer((_, response) => json(response, 200, { output: [] }))
    expect((await ask(gateway, { body: question })).status).toBe(200)
    expect(outcomes).toMatchObject([{ status: 'LOST' }])
  })

  it('that the provider refuses is told by its kind and not in its words, and has cost nothing', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const complaint = {
      error: {
        message: `Slow down, organization org-Acme, ${canary}.`,
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      },
    }
    provider.answer((_, response) =>
      json(response, 429, complaint, {
        'retry-after': '7',
        'x-request-id': 'req_1',
        'set-cookie': 'a=b',
        'openai-organization': 'org',
      }),
    )
    const answer = await ask(gateway, { body: question })
    expect(answer).toMatchObject({ status: 429, json: { error: { type: 'requests', code: 'rate_limit_exceeded' } } })
    expect(answer.json.error.message).toContain('OPENAI answered 429 (rate_limit_exceeded)')
    expect(answer.text).not.toMatch(/Acme|Slow|canary/)
    expect(answer.headers).toMatchObject({ 'retry-after': '7', 'x-request-id': 'req_1' })
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(answer.headers['openai-organization']).toBeUndefined()
    expect(outcomes).toEqual([{ status: 'FAILED', reason: 'The provider answered 429.' }])
  })

  it('that the provider finds fault with is told in its own words, without the key', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const error = { message: `No such tool, ${canary}.`, type: 'invalid_request_error', param: 'tools', code: null }
    provider.answer((_, response) => json(response, 400, { error }))
    expect(await ask(gateway, { body: question })).toMatchObject({
      status: 400,
      json: { error: { ...error, message: 'No such tool, [redacted].' } },
    })
    expect(outcomes).toMatchObject([{ status: 'FAILED' }])
  })

  it.each([
    [402, { type: 'billing_error', message: 'Acme has to pay.' }, 'billing_error'],
    [529, { type: 'overloaded_error', message: 'Acme is too busy.' }, 'overloaded_error'],
    [429, { type: 'of the organization Acme', message: 'Acme.' }, 'rate_limit_error'],
  ])("that Anthropic refuses with %i tells nothing of the server's account", async (status, error, type) => {
    const { book } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    provider.answer((_, response) => json(response, status, { type: 'error', error, organization: 'Acme' }))
    const answer = await ask(gateway, { path: '/v1/messages', body: message })
    expect(answer).toMatchObject({ status, json: { type: 'error', error: { type } } })
    expect(answer.json.error.message).toContain(`ANTHROPIC answered ${status}`)
    expect(answer.text).not.toContain('Acme')
  })

  it.each([401, 403])("that is refused for the server's own key (%i) tells the test nothing of it", async (status) => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    provider.answer((_, response) =>
      json(response, status, { error: { message: `Incorrect API key provided: ${canary.slice(0, 9)}***` } }),
    )
    const answer = await ask(gateway, { body: question })
    expect(answer).toMatchObject({
      status: 502,
      json: { error: { message: expect.stringContaining('administrator') } },
    })
    expect(answer.text).not.toContain(canary.slice(0, 9))
    expect(outcomes).toMatchObject([{ status: 'FAILED' }])
  })

  it('never follows the provider to another place', async () => {
    await using elsewhere = await startFakeProvider()
    const { book } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    provider.answer((_, response) => {
      response.writeHead(307, { location: `${elsewhere.origin}/v1/responses` })
      response.end()
    })
    expect((await ask(gateway, { body: question })).status).toBe(502)
    expect(elsewhere.requests()).toEqual([])
  })

  it('to a provider that is not there has cost nothing, and one that breaks off has', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    provider.answer((_, response) => {
      response.destroy()
    })
    expect((await ask(gateway, { body: question })).status).toBe(502)
    await provider[Symbol.asyncDispose]()
    const answer = await ask(gateway, { path: '/v1/messages', body: message })
    expect(answer).toMatchObject({ status: 502, json: { type: 'error', error: { type: 'api_error' } } })
    expect(outcomes.map(({ status }) => status)).toEqual(['LOST', 'FAILED'])
    provider = await startFakeProvider()
  })

  it('never shows the key, whatever the provider answers', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    provider.answer(({ headers }, response) => json(response, 200, { output: [], usage: responsesUsage, headers }))
    const whole = await ask(gateway, { body: question })
    provider.answer(({ headers }, response) => {
      // Cut in the middle of the key: what is put together again has to be looked through.
      const line = `data: ${JSON.stringify({ type: 'response.completed', response: { usage: responsesUsage }, headers })}\n\n`
      const at = line.indexOf(canary) + 8
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'r' })
      response.write(line.slice(0, at))
      setImmediate(() => {
        response.end(line.slice(at))
      })
    })
    const streamed = await ask(gateway, { body: { ...question, stream: true } })
    for (const answer of [whole, streamed]) {
      expect(answer.text).toContain('[redacted]')
      expect(JSON.stringify(answer)).not.toContain(canary)
    }
    expect(outcomes.map(({ status }) => status)).toEqual(['ANSWERED', 'ANSWERED'])
  })

  it('ends with the provider as soon as the test leaves', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const { promise: come, resolve } = Promise.withResolvers<ProviderRequest>()
    provider.answer((request) => resolve(request))
    const leaving = new AbortController()
    const asking = ask(gateway, { body: question, signal: leaving.signal })
    const { closed } = await come
    leaving.abort()
    await expect(asking).rejects.toThrow()
    await closed
    await gateway[Symbol.asyncDispose]()
    expect(outcomes).toMatchObject([{ status: 'LOST' }])
  })
})

describe('a gateway', () => {
  it('is ended with its calls, and leaves no socket', async () => {
    const { book, outcomes } = rememberingBook()
    const gateway = await openGateway(provider, book)
    const { promise: come, resolve } = Promise.withResolvers<ProviderRequest>()
    provider.answer((request) => resolve(request))
    const asking = ask(gateway, { body: question }).catch((error: Error) => error)
    const { closed } = await come
    await gateway[Symbol.asyncDispose]()
    await closed
    expect(await asking).toBeInstanceOf(Error)
    expect(outcomes).toMatchObject([{ status: 'LOST' }])
    expect(existsSync(dirname(dirname(gateway.door?.socket ?? '')))).toBe(false)
  })

  it('takes an answer that was whole for answered, also when the test ends before it is read to the end', async () => {
    const { book, outcomes } = rememberingBook()
    const gateway = await openGateway(provider, book)
    const { promise: sent, resolve } = Promise.withResolvers<void>()
    provider.answer((_, response) => {
      events(response, [{ type: 'response.completed', response: { usage: responsesUsage } }])
      resolve()
    })
    const socket = connect(gateway.door?.socket ?? '')
    const body = JSON.stringify({ ...question, stream: true })
    socket.write(`POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    await sent
    let said = ''
    while (!said.includes('response.completed')) said += (await once(socket, 'data'))[0]
    await gateway[Symbol.asyncDispose]()
    expect(outcomes).toMatchObject([{ status: 'ANSWERED', usage: { outputTokens: 5 } }])
  })

  it("stands where only the server's own user can walk to", async () => {
    await using gateway = await openGateway(provider, rememberingBook().book)
    const place = dirname(dirname(gateway.door?.socket ?? ''))
    expect(statSync(place).mode & 0o777).toBe(0o700)
  })

  it("of one test is no other test's", async () => {
    const [first, second] = [rememberingBook(), rememberingBook()]
    await using one = await openGateway(provider, first.book)
    await using other = await openGateway(provider, second.book)
    expect(one.door?.socket).not.toBe(other.door?.socket)
    await ask(one, { body: question })
    expect([first.calls.length, second.calls.length]).toEqual([1, 0])
  })

  it("on the server's own loopback answers nobody who does not know its secret path", async () => {
    const { book, calls } = rememberingBook()
    await using gateway = await openGateway(provider, book, false)
    expect(gateway.door).toBeNull()
    const { origin } = new URL(gateway.origin)
    const post = (url: string) => fetch(url, { method: 'POST', body: JSON.stringify(question) })
    expect((await post(`${origin}/v1/responses`)).status).toBe(404)
    expect((await post(`${gateway.origin}/v1/responses`)).status).toBe(200)
    expect(calls).toHaveLength(1)
  })

  it.each([
    ['LIMIT', '/v1/responses', 429, { error: { type: 'requests', code: 'rate_limit_exceeded', message: 'No more.' } }],
    ['LIMIT', '/v1/messages', 429, { type: 'error', error: { type: 'rate_limit_error', message: 'No more.' } }],
    ['BUDGET', '/v1/responses', 429, { error: { type: 'insufficient_quota', code: 'insufficient_quota' } }],
    ['BUDGET', '/v1/messages', 402, { type: 'error', error: { type: 'billing_error' } }],
    ['NOT_CONFIGURED', '/v1/messages', 503, { type: 'error', error: { type: 'api_error' } }],
  ] as const)(
    'says %s at %s as the provider would, and that trying again is no use',
    async (refusal, path, status, body) => {
      const { book } = rememberingBook(() => ({ refusal, message: 'No more.' }))
      await using gateway = await openGateway(provider, book)
      const answer = await ask(gateway, { path, body: path === '/v1/messages' ? message : question })
      expect(answer).toMatchObject({ status, json: body })
      expect(answer.headers['x-should-retry']).toBe('false')
      expect(provider.requests()).toEqual([])
    },
  )
})
