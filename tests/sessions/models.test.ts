import { expect, it } from 'vitest'
import { defaultModels } from '../../src/adapters/llm/default-models.ts'
import { createModels } from '../../src/adapters/llm/models.ts'
import { readPrices } from '../../src/adapters/llm/prices.ts'
import { ConfigError, readConfig } from '../../src/config.ts'
import { silent } from '../factories/event-log.ts'

const prices = readPrices(new URL('../../prices.json', import.meta.url))
const modelsOf = (env: Record<string, string>) =>
  createModels({ ...readConfig(env), rehearsal: undefined, prices }, silent)
const both = { OPENAI_API_KEY: 'a', ANTHROPIC_API_KEY: 'b' }

it('without a word in the configuration a strong model codes and a small one of the same provider judges', () => {
  const models = modelsOf(both)
  expect(models.sessionModel('coder', null)).toEqual({ provider: 'OPENAI', model: defaultModels.OPENAI.coderModel })
  expect(models.sessionModel('evaluator', null)).toEqual({
    provider: 'OPENAI',
    model: defaultModels.OPENAI.evaluatorModel,
  })
  expect(models.sessionModel('evaluator', 'ANTHROPIC')?.model).toBe(defaultModels.ANTHROPIC.evaluatorModel)
  for (const { coderModel, evaluatorModel } of Object.values(defaultModels)) {
    const tokens = { inputTokens: 1e6, cachedInputTokens: 0, outputTokens: 1e6 }
    const [strong, small] = [coderModel, evaluatorModel].map((model) => prices.costOf(model, tokens))
    expect(strong).toBeGreaterThan(3 * (small ?? Number.POSITIVE_INFINITY))
  }
})

it.each([
  ['claude-x', 'ANTHROPIC', 'claude-x'],
  ['gpt-x', 'OPENAI', 'gpt-x'],
  ['ANTHROPIC:anything:8b', 'ANTHROPIC', 'anything:8b'],
])('CODER_MODEL=%s is the model %2$s of %1$s', (value, provider, model) => {
  const models = modelsOf({ ...both, CODER_MODEL: value })
  expect(models.sessionModel('coder', null)).toEqual({ provider, model })
  expect(models.sessionModel('evaluator', null)?.model).toBe(defaultModels.OPENAI.evaluatorModel)
})

it('a model that was set for the provider serves in both roles: its server may have no other', () => {
  const models = modelsOf({ OPENAI_BASE_URL: 'http://localhost:1/v1', OPENAI_MODEL: 'mine' })
  expect(models.sessionModel('coder', null)?.model).toBe('mine')
  expect(models.sessionModel('evaluator', null)?.model).toBe('mine')
  expect(models.sessionModel('coder', 'ANTHROPIC')).toBeUndefined()
})

it('a name that says nothing of its provider stops the start, and says what to write', () => {
  expect(() => readConfig({ EVALUATOR_MODEL: 'mystery' })).toThrow(ConfigError)
  expect(() => readConfig({ EVALUATOR_MODEL: 'mystery' })).toThrow(/EVALUATOR_MODEL: must be PROVIDER:model/)
})
