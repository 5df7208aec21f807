import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { ModelRequest } from '../../src/domain/ports/model-provider.ts'
import { createExampleProvider } from './example-provider.ts'
import { blocks, read } from './pages.ts'

/** What the server answers next, one after the other, and what it was sent. */
let answers: ((response: ServerResponse) => void)[] = []
let asked: { readonly key: string | undefined; readonly body: Record<string, unknown> }[] = []
const server = createServer(async (request, response) => {
  const body = JSON.parse(Buffer.concat(await request.toArray()).toString())
  asked.push({ key: request.headers.authorization, body })
  answers.shift()?.(response)
})
let baseUrl = ''
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())
beforeEach(() => {
  answers = []
  asked = []
})

const line = (content: string, more: object = {}) =>
  `${JSON.stringify({ model: 'small', message: { content }, done: false, ...more })}\n`
const end = { done: true, done_reason: 'stop', prompt_eval_count: 30, eval_count: 7 }
const says =
  (...lines: readonly string[]) =>
  (response: ServerResponse) =>
    response.end(lines.join(''))
const refuses =
  (status: number, message: string) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'retry-after-ms': '1' }).end(message)
  }

const provider = () =>
  createExampleProvider({
    apiKey: 'example-key-0123456789',
    baseUrl,
    defaultModel: 'small',
    rehearsal: false,
    retry: { attempts: 2, baseDelayMs: 1 },
  })
const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: 'small',
  system: 'You are short.',
  messages: [{ role: 'user', text: 'Hello.' }],
  tools: [],
  maxOutputTokens: 100,
  signal: new AbortController().signal,
  ...more,
})

it('the page shows the very text of the example', () => {
  expect(blocks('docs/providers.md', 'ts').join('')).toContain(read('tests/docs/example-provider.ts'))
})

it('text is told as it is written, and the answer has it whole with what it took', async () => {
  answers.push(says(line('Good '), line('day.'), line('', end)))
  const heard: string[] = []
  const answer = await provider().complete(request({ onText: (text) => heard.push(text) }))
  expect(answer).toMatchObject({
    text: 'Good day.',
    stop: 'END',
    usage: { inputTokens: 30, cachedInputTokens: 0, outputTokens: 7 },
    turn: { role: 'assistant', text: 'Good day.', toolUses: [] },
  })
  expect(heard).toEqual(['Good ', 'day.'])
  expect(asked[0]).toMatchObject({ key: 'Bearer example-key-0123456789', body: { options: { num_predict: 100 } } })
})

it('a tool call and its result go back as the API takes them', async () => {
  const call = { function: { name: 'read_file', arguments: { path: 'a.py' } } }
  answers.push(says(line('', { ...end, message: { content: '', tool_calls: [call] } })), says(line('Done.', end)))
  const first = await provider().complete(request())
  expect(first).toMatchObject({ stop: 'TOOLS', toolUses: [{ name: 'read_file', argumentsText: '{"path":"a.py"}' }] })
  const outcomes = [{ toolUseId: first.toolUses[0]?.id ?? '', text: 'print(1)', isError: false }]
  const messages = [...request().messages, first.turn, { role: 'tool' as const, outcomes }]
  await provider().complete(request({ messages }))
  expect(asked[1]?.body.messages).toEqual([
    { role: 'system', content: 'You are short.' },
    { role: 'user', content: 'Hello.' },
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', tool_name: 'read_file', content: 'print(1)' },
  ])
})

it('what may pass is tried again', async () => {
  answers.push(refuses(503, 'busy'), says(line('Now.', end)))
  expect((await provider().complete(request())).text).toBe('Now.')
  expect(asked).toHaveLength(2)
})

it.each([
  ['a key that is refused, without the key', refuses(401, 'no: example-key-0123456789'), 'unauthorized', 1],
  ['an answer that breaks off', says(line('Half')), 'cut_stream', 2],
  ['a line that is no JSON', says('{"model"\n'), 'malformed_answer', 2],
  ['a line of another form', says('{"model":"small"}\n'), 'malformed_answer', 2],
  ['an answer without its counts', says(line('Free?', { done: true })), 'malformed_answer', 2],
  ['an error in the stream', says(line('Half'), '{"error":"out of memory"}\n'), 'server_error', 2],
])('%s is a failure of its kind', async (_, answer, code, attempts) => {
  answers.push(answer, answer)
  const failure = await provider()
    .complete(request())
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ name: 'ProviderError', code })
  expect(String(failure)).not.toContain('0123456789')
  expect(asked).toHaveLength(attempts)
})

it('a call that nobody waits for any longer ends', async () => {
  const stop = new AbortController()
  answers.push((response) => {
    response.write(line('Half'))
    stop.abort(new Error('enough'))
  })
  await expect(provider().complete(request({ signal: stop.signal }))).rejects.toThrow('enough')
})
