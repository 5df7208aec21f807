import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { agentTools, calculatorTask, secret } from './support.ts'

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal()
})
afterAll(() => rehearsal.close())

const authorization = { authorization: `Bearer ${secret}` }

async function post(url: string, body: unknown, headers: Record<string, string> = authorization) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const question = `<task>${calculatorTask}</task>`
const loose = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }
const strict = { ...loose, additionalProperties: false }

describe('the Responses API', () => {
  const url = () => `${rehearsal.openaiBaseUrl}/responses`
  const base = {
    model: 'rehearsal-openai',
    instructions: 'You are the coder.',
    input: [{ role: 'user', content: question }],
    max_output_tokens: 2_000,
    stream: true,
  }
  const call = { type: 'function_call', call_id: 'call_1', name: 'x', arguments: '{}' }
  const output = { type: 'function_call_output', call_id: 'call_1', output: 'done' }
  const format = (schema: unknown) => ({ text: { format: { type: 'json_schema', name: 'x', strict: true, schema } } })

  const refused: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['an unknown field', { thinking: {} }, /Unknown parameter: 'thinking'/],
    ['an unknown field in an item', { input: [{ role: 'user', content: 'x', mood: 1 }] }, /'input\[0\]\.mood'/],
    ['a result without its call', { input: [...base.input, output] }, /No tool call found .* call_1/],
    ['a call without its result', { input: [...base.input, call] }, /No tool output found .* call_1/],
    ['a call answered after the next question', { input: [call, ...base.input, output] }, /No tool output found/],
    ['an open schema', format(loose), /'additionalProperties' is required to be supplied and to be false/],
    ['an optional property', format({ ...strict, required: [] }), /every key in properties. Missing 'a'/],
    [
      'an open schema inside a tool',
      { tools: [{ type: 'function', name: 'x', strict: true, parameters: { ...strict, properties: { a: loose } } }] },
      /Invalid schema for function 'x'.*'properties', 'a'/,
    ],
    [
      'forged reasoning',
      {
        input: [...base.input, { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'Zm9v' }, call, output],
      },
      /could not be verified/,
    ],
    ['too low a limit', { max_output_tokens: 3 }, /max_output_tokens/],
    ['a call that is not streamed', { stream: false }, /stream/],
  ]

  test.each(refused)('%s is refused as the provider does', async (_what, fields, message) => {
    const { status, text } = await post(url(), { ...base, ...fields })
    expect(status).toBe(400)
    expect(JSON.parse(text).error).toMatchObject({
      type: 'invalid_request_error',
      message: expect.stringMatching(message),
    })
  })

  test('events come in the real order, numbered, and marked as a rehearsal', async () => {
    const { status, headers, text } = await post(url(), { ...base, tools: openAiTools() })
    expect(status).toBe(200)
    expect(headers.get('x-countersign-rehearsal')).toBe('1')
    const events = eventsOf(text)
    const types = events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1])
    expect(types.slice(0, 10)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
    ])
    expect(types.at(-1)).toBe('response.completed')
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_event, index) => index))
  })
})

describe('the Messages API', () => {
  const url = () => `${rehearsal.anthropicBaseUrl}/v1/messages`
  const ask = { role: 'user', content: question }
  const base = {
    model: 'rehearsal-anthropic',
    system: 'You are the coder.',
    messages: [ask],
    max_tokens: 2_000,
    stream: true,
  }
  const use = { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'x', input: {} }] }
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'done' }] }
  const format = (schema: unknown) => ({ output_config: { format: { type: 'json_schema', schema } } })

  const refused: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['an unknown field', { reasoning: {} }, /reasoning: Extra inputs are not permitted/],
    ['no limit', { max_tokens: undefined }, /max_tokens/],
    ['a conversation that the model begins', { messages: [use, result] }, /first message must use the "user" role/],
    ['a conversation that the model ends', { messages: [ask, { role: 'assistant', content: 'Well' }] }, /prefill/],
    ['a result without its call', { messages: [ask, result] }, /unexpected `tool_use_id`.*toolu_1/],
    ['a call without its result', { messages: [ask, use, ask] }, /without `tool_result` blocks.*toolu_1/],
    ['an empty text', { messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] }, /non-empty/],
    ['an open schema', format(loose), /must be explicitly set to false/],
    [
      'a bound in a schema',
      format({ ...strict, properties: { a: { type: 'number', minimum: 0 } } }),
      /'minimum' is not/,
    ],
    [
      'a forged signature',
      {
        messages: [
          ask,
          { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 'y' }, ...use.content] },
          result,
        ],
      },
      /Invalid `signature`/,
    ],
  ]

  test.each(refused)('%s is refused as the provider does', async (_what, fields, message) => {
    const { status, text } = await post(url(), { ...base, ...fields })
    expect(status).toBe(400)
    expect(JSON.parse(text)).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringMatching(message) },
    })
  })

  test('events come in the real order and are marked as a rehearsal', async () => {
    const tools = agentTools.map(({ name, description, parameters }) => ({
      name,
      description,
      input_schema: parameters,
    }))
    const { status, headers, text } = await post(url(), { ...base, tools })
    expect(status).toBe(200)
    expect(headers.get('x-countersign-rehearsal')).toBe('1')
    const types = eventsOf(text).map(({ type }) => type)
    expect(types.slice(0, 3)).toEqual(['message_start', 'ping', 'content_block_start'])
    expect(types.slice(-3)).toEqual(['content_block_stop', 'message_delta', 'message_stop'])
  })
})

test('a call without a key is refused', async () => {
  expect((await post(`${rehearsal.openaiBaseUrl}/responses`, {}, {})).status).toBe(401)
  const { status, text } = await post(`${rehearsal.anthropicBaseUrl}/v1/messages`, {}, {})
  expect(status).toBe(401)
  expect(JSON.parse(text).error.type).toBe('authentication_error')
})

test('what is not JSON, and what is not served, is said to be so', async () => {
  expect((await post(`${rehearsal.openaiBaseUrl}/responses`, '{')).status).toBe(400)
  expect((await post(`${rehearsal.openaiBaseUrl}/embeddings`, {})).status).toBe(404)
})

test('closing ends an answer that is still being written', async () => {
  const slow = await startRehearsal({ wordDelayMs: 60_000 })
  const response = await fetch(`${slow.openaiBaseUrl}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify({
      model: 'rehearsal-openai',
      input: [{ role: 'user', content: question }],
      max_output_tokens: 100,
      stream: true,
    }),
  })
  const reading = response.text()
  await slow.close()
  await expect(reading).rejects.toThrow()
})

function openAiTools() {
  return agentTools.map((tool) => ({ type: 'function', strict: true, ...tool }))
}

function eventsOf(stream: string): { type: string; sequence_number?: number }[] {
  return stream
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)))
}
