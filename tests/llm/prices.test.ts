import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultModels } from '../../src/adapters/llm/default-models.ts'
import { createPrices, readPrices } from '../../src/adapters/llm/prices.ts'

const shipped = readPrices(new URL('../../prices.json', import.meta.url))
const million = { inputTokens: 1_000_000, cachedInputTokens: 0, outputTokens: 1_000_000 }

const rates = { inputPerMillionUsd: 4, cachedInputPerMillionUsd: 1, outputPerMillionUsd: 8 }
const list = (models: Record<string, unknown>) => ({ provider: 'OPENAI', source: 'a test', date: '2026-01-01', models })

test('every default model has a shipped price with source and date', () => {
  for (const { model, rehearsalModel } of Object.values(defaultModels)) {
    expect(shipped.priceOf(model)).toMatchObject({
      source: expect.stringContaining('https://'),
      date: expect.any(String),
    })
    expect(shipped.costOf(model, { ...million, inputTokens: 1_000 })).toBeGreaterThan(0)
    expect(shipped.priceOf(rehearsalModel)?.source).toBe('built-in')
    expect(shipped.costOf(rehearsalModel, million)).toBe(0)
  }
})

test('a dated name has the price of its model, the longest name wins, and another model has none', () => {
  const prices = createPrices([list({ 'gpt-5': rates, 'gpt-5-mini': { ...rates, outputPerMillionUsd: 2 } })])
  expect(prices.costOf('gpt-5-2025-08-07', million)).toBe(12)
  expect(prices.costOf('gpt-5-20250807', million)).toBe(12)
  expect(prices.costOf('gpt-5-mini-2025-08-07', million)).toBe(6)
  expect(prices.costOf('gpt-5.5', million)).toBeNull()
  expect(prices.costOf('gpt-5-nano', million)).toBeNull()
  expect(prices.costOf('my-own-model', million)).toBeNull()
})

test('cached input, input written to the cache, and fresh input are priced apart', () => {
  const prices = createPrices([list({ m: { ...rates, cacheWritePerMillionUsd: 5 } })])
  const usage = { inputTokens: 1_000_000, cachedInputTokens: 500_000, outputTokens: 0 }
  expect(prices.costOf('m', usage)).toBe(2.5)
  expect(prices.costOf('m', { ...usage, cacheWriteInputTokens: 500_000 })).toBe(3)
})

test('a long prompt makes the whole call dearer', () => {
  const longPrompt = { ...rates, outputPerMillionUsd: 80, aboveInputTokens: 1_000 }
  const prices = createPrices([list({ m: { ...rates, longPrompt } })])
  expect(prices.costOf('m', { inputTokens: 1_000, cachedInputTokens: 0, outputTokens: 1_000_000 })).toBeCloseTo(8.004)
  expect(prices.costOf('m', { inputTokens: 1_001, cachedInputTokens: 0, outputTokens: 1_000_000 })).toBeCloseTo(80.004)
})

test('a later list holds over an earlier one', () => {
  const prices = createPrices([list({ m: rates }), list({ m: { ...rates, outputPerMillionUsd: 1 } })])
  expect(prices.costOf('m', million)).toBe(5)
})

test('a price file with faults is refused with its name and every fault', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-prices-'))
  try {
    const path = join(directory, 'prices.json')
    await writeFile(path, JSON.stringify([list({ m: { ...rates, inputPerMillionUsd: -1, extra: 1 } })]))
    expect(() => readPrices(path)).toThrow(/prices\.json.*inputPerMillionUsd/s)
    expect(() => readPrices(path)).toThrow(/extra/)
    await writeFile(path, '{')
    expect(() => readPrices(path)).toThrow(/cannot be used/)
    expect(() => readPrices(join(directory, 'none.json'))).toThrow(/ENOENT/)
  } finally {
    await rm(directory, { recursive: true })
  }
})
