import { expect, test } from 'vitest'
import { contextLists, inputLimitOf, unknownModelInputTokens } from '../../src/adapters/llm/context-limits.ts'
import { defaultModels } from '../../src/adapters/llm/default-models.ts'

test('every limit has a source and a date, and is what a model may take', () => {
  for (const { source, date, inputTokens } of contextLists) {
    expect(source).toMatch(/^https:\/\//)
    expect(Number.isNaN(Date.parse(date))).toBe(false)
    for (const tokens of Object.values(inputTokens)) expect(tokens).toBeGreaterThan(unknownModelInputTokens)
  }
})

test('every default model has one; a dated name has that of its model, and an unknown one a cautious figure', () => {
  for (const { model, coderModel, evaluatorModel } of Object.values(defaultModels)) {
    for (const name of [model, coderModel, evaluatorModel]) expect(inputLimitOf(name)).toBeGreaterThan(500_000)
  }
  expect(inputLimitOf('claude-haiku-4-5-20251001')).toBe(200_000)
  expect(inputLimitOf('my-own-model')).toBe(unknownModelInputTokens)
})
