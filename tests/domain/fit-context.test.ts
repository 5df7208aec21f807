import { describe, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import type { ConversationMessage } from '../../src/domain/ports/model-provider.ts'
import { fitContext, leftOutNote } from '../../src/domain/run/fit-context.ts'
import { forgottenNote } from '../../src/domain/run/forget-turns.ts'

const limit = 10_000
const maxOutputTokens = 1_000
const conversation = (messages: readonly ConversationMessage[]) => ({
  model: 'm',
  system: 'You are the coder.',
  tools: [],
  maxOutputTokens,
  messages,
})
const bytesOf = (messages: readonly ConversationMessage[]) => Buffer.byteLength(JSON.stringify(conversation(messages)))
const bytesPerToken = 1.3
const fits = (messages: readonly ConversationMessage[]) =>
  bytesOf(messages) <= (limit - maxOutputTokens) * bytesPerToken

const asked = (id: string): ConversationMessage => ({
  role: 'assistant',
  text: '',
  toolUses: [{ id, name: 'read_file', argumentsText: '{}' }],
})
const told = (id: string, text: string): ConversationMessage => ({
  role: 'tool',
  outcomes: [{ toolUseId: id, text, isError: false }],
})
const turns = (lengths: readonly number[]): ConversationMessage[] => [
  { role: 'user', text: 'Do it.' },
  ...lengths.flatMap((length, index) => [asked(`${index}`), told(`${index}`, `${index}:${'x'.repeat(length)}`)]),
]
const textsOf = (messages: readonly ConversationMessage[]) =>
  messages.flatMap((message) => (message.role === 'tool' ? message.outcomes.map(({ text }) => text) : []))

describe('a conversation that fits', () => {
  it('is sent as it is', () => {
    const messages = turns([2_000, 2_000, 2_000])
    expect(fitContext(conversation(messages), limit).messages).toEqual(messages)
  })
})

describe('a conversation that has grown too long', () => {
  it('loses its oldest tool results first, each with a note in its place, and nothing else', () => {
    const messages = turns([4_000, 4_000, 4_000, 4_000, 4_000])
    const { messages: fitted } = fitContext(conversation(messages), limit)
    expect(fits(fitted)).toBe(true)
    const texts = textsOf(fitted)
    const left = texts.filter((text) => text === leftOutNote).length
    expect(left).toBeGreaterThan(0)
    expect(texts.slice(0, left)).toEqual(Array(left).fill(leftOutNote))
    expect(texts.slice(left)).toEqual(textsOf(messages).slice(left))
    expect(fitted.map(({ role }) => role)).toEqual(messages.map(({ role }) => role))
    expect(fitted.filter(({ role }) => role !== 'tool')).toEqual(messages.filter(({ role }) => role !== 'tool'))
  })

  it('leaves short results, which a note would not make shorter', () => {
    const messages = turns([1, 9_000, 1, 9_000, 1])
    const texts = textsOf(fitContext(conversation(messages), limit).messages)
    expect(texts).toEqual(['0:x', leftOutNote, '2:x', expect.stringMatching(/^3:x{9000}$/), '4:x'])
  })

  it('cuts even the newest results when they alone are more than the model takes, and says so', () => {
    const both: ConversationMessage = {
      role: 'tool',
      outcomes: ['a', 'b', 'c'].map((id) => ({
        toolUseId: id,
        text: id.repeat(id === 'c' ? 10 : 30_000),
        isError: false,
      })),
    }
    const { messages } = fitContext(conversation([...turns([4_000]), asked('a'), both]), limit)
    expect(fits(messages)).toBe(true)
    const [, a, b, c] = textsOf(messages)
    for (const text of [a, b]) expect(text).toMatch(/^(a+|b+)\n\[The rest was left out: .*Ask for less\.\]$/)
    expect(c).toBe('c'.repeat(10))
  })

  it.each([
    ['base64', 1.46],
    ['Amharic', 1.43],
    ['hex', 1.76],
  ])('leaves room for %s, as dense as o200k_base was measured to take it: %d bytes a token', (_what, measured) => {
    for (let length = 500; length <= 4_000; length += 100) {
      const { messages } = fitContext(conversation(turns(Array<number>(12).fill(length))), limit)
      expect(bytesOf(messages) / measured + maxOutputTokens).toBeLessThanOrEqual(limit)
    }
  })

  it('cuts no character in two', () => {
    const { messages } = fitContext(conversation(turns([1]).concat(asked('9'), told('9', '🙂'.repeat(30_000)))), limit)
    expect(textsOf(messages).at(-1)?.isWellFormed()).toBe(true)
  })

  it("counts a provider's own items, which are longer than their text", () => {
    const heavy = (id: string): ConversationMessage => ({
      ...(asked(id) as Extract<ConversationMessage, { role: 'assistant' }>),
      native: { provider: 'OPENAI', items: { model: 'm', output: [{ type: 'reasoning', sealed: 's'.repeat(5_000) }] } },
    })
    const messages = [
      turns([])[0] as ConversationMessage,
      heavy('0'),
      told('0', 'x'.repeat(6_000)),
      heavy('1'),
      told('1', 'x'.repeat(6_000)),
    ]
    expect(textsOf(fitContext(conversation(messages), limit).messages)[0]).toBe(leftOutNote)
  })
})

describe('a conversation that is long without tool results', () => {
  const said = (text: string): ConversationMessage => ({ role: 'user', text })
  const answered = (text: string): ConversationMessage => ({ role: 'assistant', text, toolUses: [] })
  const wrote = (id: string, length: number): ConversationMessage => ({
    role: 'assistant',
    text: '',
    toolUses: [{ id, name: 'write_file', argumentsText: JSON.stringify({ text: 'y'.repeat(length) }) }],
  })

  it('forgets the oldest questions with their answers, says so, and keeps the last question whole', () => {
    const questions = ['a', 'b', 'c', 'd'].flatMap((letter) => [said(letter.repeat(4_000)), answered(`${letter}!`)])
    const last = said('e'.repeat(4_000))
    const { messages } = fitContext(conversation([...questions, last]), limit)
    expect(fits(messages)).toBe(true)
    const [head] = messages
    expect(head?.role === 'user' && head.text.startsWith(`${forgottenNote}\n\n`)).toBe(true)
    expect(messages.at(-1)).toMatchObject({ role: 'user', text: expect.stringMatching(/e{4000}$/) })
    expect(JSON.stringify(messages)).not.toContain('aaaa')
  })

  it('forgets the oldest steps of a long task, and keeps the task and the newest step', () => {
    const steps = Array.from({ length: 6 }, (_, index) => [
      wrote(`${index}`, 4_000),
      told(`${index}`, 'Written.'),
    ]).flat()
    const { messages } = fitContext(conversation([said('Do it.'), ...steps]), limit)
    expect(fits(messages)).toBe(true)
    expect(messages[0]).toEqual(said(`${forgottenNote}\n\nDo it.`))
    expect(messages.slice(-2)).toEqual(steps.slice(-2))
    expect(messages.length).toBeLessThan(1 + steps.length)
  })

  it('leaves a last question that is too much alone to the provider', () => {
    const messages = [said('x'.repeat(50_000))]
    expect(fitContext(conversation(messages), limit).messages).toEqual(messages)
  })

  it('never leaves a result without its step, an answer first, or a second note, whatever was said', () => {
    const random = randomNumbers(11)
    for (let round = 0; round < 40; round++) {
      const all = [said('x'.repeat(random(6_000)))]
      for (let step = 0; step < 25; step++) {
        const id = `${step}`
        if (random(4) === 0) all.push(answered('Done.'), said('z'.repeat(random(6_000))))
        else all.push(wrote(id, random(5_000)), told(id, 'w'.repeat(random(5_000))))
      }
      const { messages } = fitContext(conversation(all), limit)
      expect(messages[0]?.role).toBe('user')
      expect(JSON.stringify(messages).split(JSON.stringify(forgottenNote).slice(1, -1)).length).toBeLessThanOrEqual(2)
      for (const [index, message] of messages.entries()) {
        if (message.role !== 'tool') continue
        const before = messages[index - 1]
        const ids = before?.role === 'assistant' ? before.toolUses.map(({ id }) => id) : []
        expect(message.outcomes.map(({ toolUseId }) => toolUseId)).toEqual(ids)
      }
      expect(messages.at(-1)?.role).toBe(all.at(-1)?.role)
    }
  })
})

describe('turn after turn, whatever the tools answer', () => {
  it('it fits, ends in the newest result, and changes what was sent before only when it is full again', () => {
    const wide = 153_000
    const random = randomNumbers(7)
    for (let round = 0; round < 3; round++) {
      const all = turns(Array.from({ length: 60 }, () => random(30_000)))
      let sent: readonly ConversationMessage[] = []
      let changes = 0
      for (let end = 1; end <= all.length; end += 2) {
        const { messages } = fitContext(conversation(all.slice(0, end)), wide)
        expect(bytesOf(messages)).toBeLessThanOrEqual((wide - maxOutputTokens) * bytesPerToken)
        expect(messages.at(-1)).toEqual(all[end - 1])
        if (JSON.stringify(messages.slice(0, sent.length)) !== JSON.stringify(sent)) changes += 1
        sent = messages
      }
      // Some 900,000 characters in 198,000, of which two fifths are emptied at a time.
      expect(changes).toBeGreaterThan(4)
      expect(changes).toBeLessThan(18)
    }
  })
})
