import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPrices } from '../../src/adapters/llm/prices.ts'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import type { ConversationMessage } from '../../src/domain/ports/model-provider.ts'
import { agentTools, providerOn, request, taskMessage } from './support.ts'

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal()
})
afterAll(() => rehearsal.close())

const calls = (ids: readonly string[]): ConversationMessage[] => [
  {
    role: 'assistant',
    text: '',
    toolUses: ids.map((id) => ({ id, name: 'list_dir', argumentsText: '{"path":""}' })),
  },
  { role: 'tool', outcomes: ids.map((id) => ({ toolUseId: id, text: `result of ${id}`, isError: false })) },
]

const lastBody = () => rehearsal.calls().at(-1)?.body as Record<string, unknown>

/** The paths of everything in a body that bears a cache mark. */
const marked = (value: unknown, path = ''): string[] => {
  if (typeof value !== 'object' || value === null) return []
  const own = 'cache_control' in value ? [path] : []
  return [...own, ...Object.entries(value).flatMap(([key, each]) => marked(each, `${path}/${key}`))]
}

test('Anthropic is told to cache the system prompt, and the conversation up to this turn and up to the last one', async () => {
  const provider = providerOn('ANTHROPIC', rehearsal)
  const ask = (messages: readonly ConversationMessage[]) => provider.complete(request({ tools: agentTools, messages }))
  await ask([taskMessage()])
  expect(marked(lastBody())).toEqual(['/system/0', '/messages/0/content/0'])
  const many = Array.from({ length: 30 }, (_, index) => `call_${index}`)
  await ask([taskMessage(), ...calls(['a', 'b']), ...calls(many)])
  expect(marked(lastBody())).toEqual(['/system/0', '/messages/2/content/1', '/messages/4/content/29'])
})

test('a single question without tools marks only what other questions share', async () => {
  await providerOn('ANTHROPIC', rehearsal).complete(request({}))
  expect(marked(lastBody())).toEqual(['/system/0'])
  await providerOn('OPENAI', rehearsal).complete(request({}))
  expect(lastBody()).not.toHaveProperty('prompt_cache_key')
})

test('OpenAI gets one key for all turns of a conversation, and another for another one', async () => {
  const provider = providerOn('OPENAI', rehearsal)
  const keyOf = async (messages: readonly ConversationMessage[]) => {
    await provider.complete(request({ tools: agentTools, messages }))
    return lastBody().prompt_cache_key
  }
  const first = await keyOf([taskMessage()])
  expect(first).toMatch(/^[0-9a-f]{64}$/)
  expect(await keyOf([taskMessage(), ...calls(['a'])])).toBe(first)
  expect(await keyOf([taskMessage(undefined, 'Another one.')])).not.toBe(first)
})

test('what was sent before goes out again byte for byte, with more after it', async () => {
  for (const name of ['OPENAI', 'ANTHROPIC'] as const) {
    const provider = providerOn(name, rehearsal)
    const sent: string[][] = []
    for (const turns of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      const messages = [taskMessage(), ...turns.flatMap((id) => calls([id]))]
      await provider.complete(request({ tools: agentTools, messages }))
      const { input, messages: wire, ...fixed } = lastBody() as { input?: unknown[]; messages?: unknown[] }
      const withoutMarks = (value: unknown) =>
        JSON.stringify(value, (key, each) => (key === 'cache_control' ? undefined : each))
      sent.push([JSON.stringify(fixed), ...(input ?? wire ?? []).map(withoutMarks)])
    }
    for (const [index, before] of sent.slice(0, -1).entries()) {
      expect(sent[index + 1]?.slice(0, before.length)).toEqual(before)
    }
  }
})

test('tokens from the cache are counted and priced as such', async () => {
  const rates = { inputPerMillionUsd: 10, cachedInputPerMillionUsd: 1, outputPerMillionUsd: 0 }
  const models = { 'rehearsal-openai': rates, 'rehearsal-anthropic': rates }
  const prices = createPrices([{ provider: 'OPENAI', source: 'a test', date: '2026-01-01', models }])
  for (const name of ['OPENAI', 'ANTHROPIC'] as const) {
    const messages = [taskMessage(undefined, 'x'.repeat(20_000)), ...calls(['a'])]
    const { usage, model } = await providerOn(name, rehearsal).complete(request({ tools: agentTools, messages }))
    expect(usage.cachedInputTokens).toBeGreaterThan(5_000)
    const fresh = usage.inputTokens - usage.cachedInputTokens
    expect(prices.costOf(model, usage)).toBeCloseTo((fresh * 10 + usage.cachedInputTokens) / 1e6, 9)
  }
})
