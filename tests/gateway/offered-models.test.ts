import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createModels, gatewayTargets, type ModelsOptions } from '../../src/adapters/llm/models.ts'
import { createPrices } from '../../src/adapters/llm/prices.ts'
import { type FakeProvider, startFakeProvider } from './fake-provider.ts'
import { ask, message, openGateway, question, rememberingBook } from './open-gateway.ts'

let provider: FakeProvider
beforeAll(async () => {
  provider = await startFakeProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())

const notOffered = { type: 'invalid_request_error', code: 'model_not_found' }

describe('a test that names a model', () => {
  it.each([
    ['without a price', 'gpt-6-pro', '/v1/responses', question, notOffered],
    ['that searches', 'gpt-6-luna-search-preview', '/v1/chat/completions', { messages: question.input }, notOffered],
    ['with a variant that searches', 'gpt-6-luna:online', '/v1/responses', question, notOffered],
    ["of another provider's", 'gpt-6-luna', '/v1/messages', message, { type: 'not_found_error' }],
  ])('%s is told which there are, and nothing is entered or sent', async (_, model, path, body, error) => {
    const { book, calls, notes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const sent = provider.requests().length
    const answer = await ask(gateway, { path, body: { ...body, model } })
    expect(answer).toMatchObject({ status: 404, json: { error } })
    expect(answer.json.error.message).toContain(`The model ${model} is not offered to tests.`)
    expect(answer.json.error.message).toContain(path === '/v1/messages' ? 'claude-haiku-5-5' : 'gpt-6.1-sol')
    expect(notes).toEqual([answer.json.error.message])
    expect(calls).toEqual([])
    expect(provider.requests()).toHaveLength(sent)
  })

  it('by a dated name reaches it', async () => {
    const { book, calls } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    expect((await ask(gateway, { body: { ...question, model: 'gpt-6-luna-2026-05-01' } })).status).toBe(200)
    expect(calls).toMatchObject([{ model: 'gpt-6-luna-2026-05-01' }])
  })
})

const rates = { inputPerMillionUsd: 1, cachedInputPerMillionUsd: 1, outputPerMillionUsd: 1 }
const prices = createPrices([
  {
    provider: 'OPENAI',
    source: 'a test',
    date: '2026-01-01',
    models: { priced: rates, 'priced-search': rates, 'deep-research': rates, 'priced:8b': rates },
  },
])
const nobody = { apiKey: undefined, baseUrl: undefined, model: undefined }
const log = { debug() {}, info() {}, warn() {}, error() {} }

const offered = (more: Partial<ModelsOptions> = {}) => {
  const options: ModelsOptions = {
    openai: { apiKey: 'k', baseUrl: undefined, model: 'own:7b' },
    anthropic: nobody,
    judge: { provider: undefined, model: undefined },
    rehearsal: undefined,
    prices,
    ...more,
  }
  return gatewayTargets(options, createModels(options, log))
}

describe('offered are', () => {
  it('what the server is set to call, whatever its name, and what has a price', () => {
    const { OPENAI, ANTHROPIC } = offered({
      coder: { provider: 'OPENAI', model: 'coder-search' },
      evaluator: { provider: 'ANTHROPIC', model: 'of-another' },
      judge: { provider: 'OPENAI', model: 'judge' },
    })
    expect(OPENAI?.models.names).toEqual(['own:7b', 'coder-search', 'judge', 'priced'])
    expect(OPENAI?.models.names.filter((name) => !OPENAI.models.offers(name))).toEqual([])
    expect(ANTHROPIC).toBeUndefined()
  })

  it.each(['own:7b:online', 'own', 'priced-search', 'deep-research', 'priced:8b', 'priced-pro', 'PRICED', ''])(
    'never %j',
    (model) => {
      expect(offered().OPENAI?.models.offers(model)).toBe(false)
    },
  )

  it("in the rehearsal the rehearsal's own model", () => {
    const { ANTHROPIC } = offered({ rehearsal: { openaiBaseUrl: 'http://x/v1', anthropicBaseUrl: 'http://x' } })
    expect(ANTHROPIC?.models.names).toEqual(['rehearsal-anthropic'])
  })
})
