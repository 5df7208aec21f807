import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { agentTools, calculatorTask, secret } from './support.ts'

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal()
})
afterAll(() => rehearsal.close())

const authorization = { authorization: `Bearer ${secret}`, 'anthropic-version': '2023-06-01' }

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
    ['no model', { model: undefined }, /Missing required parameter: 'model'/],
    [
      'a model that is no name',
      { model: 5 },
      /Invalid type for 'model': expected a string, but got an integer instead/,
    ],
    [
      'an item of a wrong type',
      { input: ['x'] },
      /Invalid type for 'input\[0\]': expected an object, but got a string/,
    ],
    ['no input', { input: [] }, /'input'/],
    [
      'a content of a wrong type',
      { input: [{ role: 'user', content: 7 }] },
      /'input\[0\]\.content': expected a string/,
    ],
    ['a role that is none', { input: [{ role: 'tool', content: 'x' }] }, /Invalid value for 'input\[0\]\.role'/],
    ['a second answer to a call', { input: [...base.input, call, output, output] }, /No tool call found/],
    ['a second call of the same id', { input: [...base.input, call, output, call, output] }, /Duplicate .* call_1/],
    [
      'an item that comes twice',
      { input: [...base.input, { ...call, id: 'fc_1' }, output, { ...call, id: 'fc_1', call_id: 'call_2' }] },
      /Duplicate item found with id fc_1/,
    ],
    ['a schema that is no object', format({ type: 'string' }), /type: "object"', got 'type: "string"'/],
    ['a schema without a type', format({}), /got 'type: "None"'/],
    ['a schema of a type that is none', format({ ...strict, properties: { a: { type: 'text' } } }), /not valid/],
    ['a default in a schema', format({ ...strict, properties: { a: { type: 'string', default: '' } } }), /'default'/],
    [
      'schemas that are combined',
      format({ ...strict, properties: { a: { allOf: [{ type: 'string' }] } } }),
      /'properties', 'a'.*'allOf' is not permitted/,
    ],
    [
      'an optional argument of a tool',
      { tools: [{ type: 'function', name: 'x', strict: true, parameters: { ...strict, required: [] } }] },
      /Invalid schema for function 'x'.*Missing 'a'/,
    ],
    [
      'a tool without a name',
      { tools: [{ type: 'function', strict: true, parameters: strict }] },
      /'tools\[0\]\.name'/,
    ],
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
  const tool = (input_schema: unknown) => ({ name: 'x', input_schema })
  const use = { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'x', input: {} }] }
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'done' }] }
  const format = (schema: unknown) => ({ output_config: { format: { type: 'json_schema', schema } } })

  const refused: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['an unknown field', { reasoning: {} }, /reasoning: Extra inputs are not permitted/],
    ['no limit', { max_tokens: undefined }, /^max_tokens: Field required$/],
    ['no model', { model: undefined }, /^model: Field required$/],
    ['a model that is no name', { model: 5 }, /^model: Input should be a valid string$/],
    ['no message', { messages: [] }, /messages: at least one message is required/],
    ['a message without a role', { messages: [{ content: 'x' }] }, /^messages\.0\.role: Field required$/],
    ['a role that is none', { messages: [{ role: 'tool', content: 'x' }] }, /^messages\.0\.role: /],
    ['an empty content', { messages: [{ role: 'user', content: [] }] }, /must have non-empty content/],
    ['an empty text as content', { messages: [{ role: 'user', content: '' }] }, /must have non-empty content/],
    ['a text of spaces', { messages: [{ role: 'user', content: [{ type: 'text', text: ' \n' }] }] }, /non-whitespace/],
    [
      'an unknown field in a block',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', mood: 1 }] }] },
      /^messages\.0\.content\.0\.mood: Extra inputs are not permitted$/,
    ],
    [
      'a second result for a call',
      { messages: [ask, use, { role: 'user', content: [...result.content, ...result.content] }] },
      /messages\.2\.content\.1: each tool_use must have a single result/,
    ],
    [
      'two calls of the same id',
      { messages: [ask, { role: 'assistant', content: [...use.content, ...use.content] }, result] },
      /^messages\.1\.content\.1: `tool_use` ids must be unique$/,
    ],
    ['a call of an earlier id', { messages: [ask, use, result, use, result] }, /^messages\.3\.content\.0: .*unique$/],
    [
      'a text before the results',
      { messages: [ask, use, { role: 'user', content: [{ type: 'text', text: 'Well' }, ...result.content] }] },
      /without `tool_result` blocks/,
    ],
    ['two tools of a name', { tools: [tool(strict), tool(strict)] }, /Tool names must be unique/],
    ['a tool without a schema', { tools: [{ name: 'x' }] }, /^tools\.0\.input_schema: Field required$/],
    [
      'a tool whose schema is none',
      { tools: [tool({ ...strict, properties: { a: { type: 'text' } } })] },
      /^tools\.0\.custom\.input_schema: JSON schema is invalid/,
    ],
    [
      'a tool whose required is no list',
      { tools: [tool({ ...strict, required: 'a' })] },
      /^tools\.0\.custom\.input_schema: JSON schema is invalid/,
    ],
    [
      'more than four cache marks',
      {
        messages: [
          {
            role: 'user',
            content: Array.from({ length: 5 }, () => ({
              type: 'text',
              text: 'x',
              cache_control: { type: 'ephemeral' },
            })),
          },
        ],
      },
      /maximum of 4 blocks with cache_control/,
    ],
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

test('a call without a key, or without the version that Anthropic asks for, is refused in its own words', async () => {
  const openai = await post(`${rehearsal.openaiBaseUrl}/responses`, {}, {})
  expect(openai.status).toBe(401)
  expect(JSON.parse(openai.text).error).toMatchObject({
    type: 'invalid_request_error',
    message: expect.stringContaining("You didn't provide an API key"),
  })
  const anthropic = await post(`${rehearsal.anthropicBaseUrl}/v1/messages`, {}, {})
  expect(anthropic.status).toBe(401)
  expect(JSON.parse(anthropic.text)).toMatchObject({
    type: 'error',
    error: { type: 'authentication_error', message: 'x-api-key header is required' },
  })
  const unversioned = await post(`${rehearsal.anthropicBaseUrl}/v1/messages`, {}, { 'x-api-key': secret })
  expect(unversioned.status).toBe(400)
  expect(JSON.parse(unversioned.text).error).toEqual({
    type: 'invalid_request_error',
    message: 'anthropic-version: header is required',
  })
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
