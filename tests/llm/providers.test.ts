import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { type ConversationMessage, type ModelProvider, providers } from '../../src/domain/ports/model-provider.ts'
import { agentTools, providerOn, request, taskMessage, user } from './support.ts'

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal()
})
afterAll(() => rehearsal.close())

const questionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['questions', 'assessment'],
  properties: {
    questions: {
      type: 'array',
      maxItems: 5,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['key', 'question', 'rationale'],
        properties: {
          key: { type: 'string', maxLength: 40 },
          question: { type: 'string' },
          rationale: { type: 'string' },
        },
      },
    },
    assessment: {
      type: 'object',
      additionalProperties: false,
      required: ['complexity', 'rationale', 'risks'],
      properties: {
        complexity: { enum: ['SIMPLE', 'STANDARD', 'COMPLEX'] },
        rationale: { type: 'string' },
        risks: { type: 'array', items: { type: 'string' } },
      },
    },
  },
}

/** Plays a role to its end; every tool call is answered by `outcome`. */
async function converse(provider: ModelProvider, system: string, first: ConversationMessage, outcome: string) {
  const messages: ConversationMessage[] = [first]
  for (;;) {
    const answer = await provider.complete(
      request({ model: provider.defaultModel, system, messages, tools: agentTools }),
    )
    messages.push(answer.turn)
    if (answer.stop !== 'TOOLS') return { answer, messages }
    messages.push({
      role: 'tool',
      outcomes: answer.toolUses.map((use) => ({ toolUseId: use.id, text: outcome, isError: false })),
    })
  }
}

describe.each(providers)('%s', (name) => {
  const provider = () => providerOn(name, rehearsal)

  test('text arrives in pieces that make up the answer', async () => {
    const pieces: string[] = []
    const answer = await provider().complete(
      request({
        system: 'You are the verifier.',
        messages: [taskMessage(undefined, '<test_results>\nPASSED parser\n</test_results>')],
        onText: (text) => pieces.push(text),
      }),
    )
    expect(answer).toMatchObject({ stop: 'END', toolUses: [], model: `rehearsal-${name.toLowerCase()}` })
    expect(pieces.length).toBeGreaterThan(3)
    expect(pieces.join('')).toBe(answer.text)
    expect(JSON.parse(answer.text)).toMatchObject({ verdict: 'VERIFICATION_SUCCESS' })
  })

  test('usage follows the length of request and answer', async () => {
    const short = await provider().complete(request({ tools: agentTools }))
    const long = await provider().complete(
      request({ tools: agentTools, messages: [taskMessage(undefined, 'x'.repeat(40_000))] }),
    )
    expect(long.usage.inputTokens - short.usage.inputTokens).toBeGreaterThan(9_900)
    expect(long.usage.inputTokens - short.usage.inputTokens).toBeLessThan(10_100)
    expect(short.usage.outputTokens).toBeGreaterThan(20)
    expect(short.usage.cachedInputTokens).toBe(0)
  })

  test('several tools can be called in one turn', async () => {
    const answer = await provider().complete(request({ tools: agentTools }))
    expect(answer.stop).toBe('TOOLS')
    expect(answer.toolUses.length).toBe(3)
    expect(new Set(answer.toolUses.map(({ id }) => id)).size).toBe(3)
    expect(answer.toolUses.map((use) => JSON.parse(use.argumentsText))).toContainEqual({
      path: 'calculator/parser.py',
      startLine: null,
      endLine: null,
    })
  })

  test('a conversation goes back with the native items of each turn and ends', async () => {
    const { answer, messages } = await converse(provider(), 'You are the coder.', taskMessage(), 'done')
    expect(answer.stop).toBe('END')
    expect(answer.text.split('\n')[0]).toMatch(/^[A-Z].{10,70}$/)
    expect(answer.usage.cachedInputTokens).toBeGreaterThan(0)
    expect(answer.usage.cachedInputTokens).toBeLessThan(answer.usage.inputTokens)
    const turns = messages.filter((message) => message.role === 'assistant')
    expect(turns.every((turn) => turn.native?.provider === name)).toBe(true)
    const sent = JSON.stringify(rehearsal.calls().at(-1)?.body)
    expect(sent).toContain(name === 'OPENAI' ? '"encrypted_content"' : '"signature"')
  })

  test('a conversation survives being stored as JSON with its keys in another order', async () => {
    const first = await provider().complete(request({ tools: agentTools }))
    const stored = JSON.parse(
      JSON.stringify(first.turn, (_key, value) =>
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)))
          : value,
      ),
    )
    const outcomes = first.toolUses.map((use) => ({ toolUseId: use.id, text: 'done', isError: false }))
    const second = await provider().complete(
      request({ tools: agentTools, messages: [taskMessage(), stored, { role: 'tool', outcomes }] }),
    )
    expect(second.stop).toBe('TOOLS')
  })

  test('a turn of the other provider, or of another model, goes in as neutral text', async () => {
    const [other = 'OPENAI'] = providers.filter((candidate) => candidate !== name)
    const turns = [
      await providerOn(other, rehearsal).complete(request({ tools: agentTools })),
      await provider().complete(request({ tools: agentTools, model: 'rehearsal-openai-2' })),
    ]
    for (const { turn, toolUses } of turns) {
      const outcomes = toolUses.map((use) => ({ toolUseId: use.id, text: 'done', isError: false }))
      const answer = await provider().complete(
        request({ tools: agentTools, messages: [taskMessage(), turn, { role: 'tool', outcomes }] }),
      )
      expect(answer.stop).toBe('TOOLS')
      expect(JSON.stringify(rehearsal.calls().at(-1)?.body)).not.toMatch(/encrypted_content":|"signature"/)
    }
  })

  test('a question asked in a form is answered in that form', async () => {
    const answer = await provider().complete(
      request({
        system: 'You are the interviewer.',
        messages: [taskMessage(undefined, 'Ask at most 1 questions.')],
        structured: { name: 'interview', schema: questionsSchema },
      }),
    )
    const interview = JSON.parse(answer.text)
    expect(interview.questions).toHaveLength(1)
    expect(interview.questions[0].key).toMatch(/^[a-z_]{3,30}$/)
    expect(interview.assessment.complexity).toBe('STANDARD')
  })

  test('an unknown task is refused in words', async () => {
    const answer = await provider().complete(request({ messages: [taskMessage('Write me a game.')] }))
    expect(answer.stop).toBe('REFUSAL')
    expect(answer.text).toBe(
      'This is the offline rehearsal: it plays only the built-in tasks. Set OPENAI_API_KEY or ANTHROPIC_API_KEY to work on this one.',
    )
    expect(answer.turn.native).toBeUndefined()
  })

  test('an answer that runs into the output limit says so and makes no calls', async () => {
    const answer = await provider().complete(request({ tools: agentTools, maxOutputTokens: 16 }))
    expect(answer.stop).toBe('LENGTH')
    expect(answer.toolUses).toEqual([])
    expect(answer.usage.outputTokens).toBe(16)
    const next = await provider().complete(
      request({ tools: agentTools, messages: [taskMessage(), answer.turn, user('Go on.')] }),
    )
    expect(next.stop).toBe('TOOLS')
  })

  test('a tool that was not offered, and arguments of any kind, come through as they are', async () => {
    const turn = { text: '', toolCalls: [{ name: 'delete_everything', arguments: { ключ: ['"', '\n'] } }] }
    const odd = await startRehearsal({ intercept: () => ({ kind: 'answer', turn }) })
    try {
      const answer = await providerOn(name, odd).complete(request({ tools: agentTools }))
      expect(answer.toolUses.map((use) => use.name)).toEqual(['delete_everything'])
      expect(JSON.parse(answer.toolUses[0]?.argumentsText ?? '')).toEqual({ ключ: ['"', '\n'] })
    } finally {
      await odd.close()
    }
  })

  test('the raw answer is the whole answer', async () => {
    const answer = await provider().complete(request({ tools: agentTools }))
    const raw = JSON.stringify(answer.raw)
    for (const use of answer.toolUses) expect(raw).toContain(use.id)
    expect(answer.raw).toMatchObject({ usage: { output_tokens: answer.usage.outputTokens } })
  })
})
