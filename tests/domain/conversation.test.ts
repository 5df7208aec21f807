import { describe, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import type { ConversationMessage } from '../../src/domain/ports/model-provider.ts'
import { keepConversation } from '../../src/domain/run/conversation.ts'
import { sayNext, toConversation } from '../../src/domain/run/history.ts'

const size = (messages: readonly ConversationMessage[]) => Buffer.byteLength(JSON.stringify(messages))

/** An agent's conversation of some turns, whose texts are of some length each. */
const conversation = (turns: number, length: () => number): ConversationMessage[] => [
  { role: 'user', text: 'u'.repeat(length()) },
  ...Array.from({ length: turns }, (_, turn): readonly ConversationMessage[] => [
    {
      role: 'assistant',
      text: 'a'.repeat(length()),
      toolUses: [
        { id: `use-${turn}`, name: 'write_file', argumentsText: JSON.stringify({ content: 'c'.repeat(length()) }) },
      ],
      native: { provider: 'OPENAI', items: [{ secret: 'reasoning' }] },
    },
    { role: 'tool', outcomes: [{ toolUseId: `use-${turn}`, text: 't'.repeat(length()), isError: false }] },
  ]).flat(),
  { role: 'assistant', text: 'the end', toolUses: [] },
]

describe('a kept conversation', () => {
  it('is the whole one in neutral words when it is short', () => {
    const said = conversation(3, () => 20)
    expect(keepConversation(said)).toEqual(
      said.map((message) =>
        message.role === 'assistant' ? { role: message.role, text: message.text, toolUses: message.toolUses } : message,
      ),
    )
  })

  it('of any length has at most a megabyte, every message and tool use in its place, and arguments that are JSON', () => {
    const below = randomNumbers(7)
    for (let round = 0; round < 8; round += 1) {
      const said = conversation(1 + below(60), () => below(10 ** (1 + below(5))))
      const kept = keepConversation(said)
      expect(size(kept)).toBeLessThanOrEqual(1_000_000)
      expect(kept.map(({ role }) => role)).toEqual(said.map(({ role }) => role))
      const places = (all: readonly ConversationMessage[]) =>
        all.flatMap((message) =>
          message.role === 'assistant'
            ? message.toolUses.map(({ id, name }) => [id, name])
            : message.role === 'tool'
              ? message.outcomes.map(({ toolUseId }) => [toolUseId])
              : [],
        )
      expect(places(kept)).toEqual(places(said))
      for (const message of kept) {
        if (message.role === 'assistant') for (const use of message.toolUses) JSON.parse(use.argumentsText)
      }
      expect(keepConversation(kept)).toEqual(kept)
    }
  })

  it('gives up the oldest tool results first', () => {
    const kept = keepConversation(conversation(30, () => 14_000))
    const results = kept.flatMap((message) =>
      message.role === 'tool' ? message.outcomes.map(({ text }) => text.length) : [],
    )
    const firstWhole = results.indexOf(14_000)
    expect(firstWhole).toBeGreaterThan(0)
    expect(results.slice(firstWhole).every((length) => length === 14_000)).toBe(true)
    expect(kept[0]).toMatchObject({ text: 'u'.repeat(14_000) })
  })
})

describe('a history', () => {
  it('becomes turns that alternate, whoever spoke how often in a row', () => {
    const said = toConversation([
      { role: 'USER', text: 'one' },
      { role: 'EVALUATOR', text: 'two' },
      { role: 'CODER', text: 'three' },
      { role: 'CODER', text: 'four' },
      { role: 'USER', text: 'five' },
    ])
    expect(said).toEqual([
      { role: 'user', text: 'one\n\n<evaluation>\ntwo\n</evaluation>' },
      { role: 'assistant', text: 'three\n\nfour', toolUses: [] },
      { role: 'user', text: 'five' },
    ])
    expect(sayNext(said, 'six')).toEqual({ history: said.slice(0, 2), message: 'five\n\nsix' })
    expect(sayNext(said.slice(0, 2), 'six')).toEqual({ history: said.slice(0, 2), message: 'six' })
    expect(sayNext([], 'six')).toEqual({ history: [], message: 'six' })
  })
})
