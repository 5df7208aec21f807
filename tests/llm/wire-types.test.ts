import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import type { ConversationMessage, ModelRequest, Provider } from '../../src/domain/ports/model-provider.ts'
import { providers } from '../../src/domain/ports/model-provider.ts'
import { modelSchema } from '../../src/domain/run/model-schema.ts'
import { workspaceTools } from '../../src/domain/run/workspace-tools.ts'
import { interviewAnswer } from '../../src/domain/spec/interview-questions.ts'
import { publishedFaults } from './published-types.ts'
import { providerOn, request, taskMessage, user } from './support.ts'

const published: Readonly<Record<Provider, { file: string; request: string; event: string; path: string }>> = {
  OPENAI: {
    file: 'openai/resources/responses/responses.d.ts',
    request: 'ResponseCreateParamsStreaming',
    event: 'ResponseStreamEvent',
    path: '/responses',
  },
  ANTHROPIC: {
    file: '@anthropic-ai/sdk/resources/messages/messages.d.ts',
    request: 'MessageCreateParamsStreaming',
    event: 'RawMessageStreamEvent',
    path: '/v1/messages',
  },
}

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal()
})
afterAll(() => rehearsal.close())

const tools = workspaceTools.map(({ definition }) => definition)

/** Every kind of request that the domain makes: conversations with tools of its own and of the other, and forms. */
async function makeRequests(name: Provider): Promise<void> {
  const provider = providerOn(name, rehearsal)
  const [other = name] = providers.filter((each) => each !== name)
  const ask = (fields: Partial<ModelRequest>) => provider.complete(request({ model: provider.defaultModel, ...fields }))
  const first = await ask({ tools })
  const foreign = await providerOn(other, rehearsal).complete(request({ tools }))
  for (const { turn, toolUses } of [first, foreign]) {
    const outcomes = toolUses.map((use, index) => ({ toolUseId: use.id, text: 'done', isError: index === 0 }))
    const conversation: ConversationMessage[] = [taskMessage(), turn, { role: 'tool', outcomes }]
    await ask({ tools, messages: conversation })
    await ask({ tools, messages: [...conversation, user('And now?')] })
  }
  await ask({
    system: 'You are the interviewer.',
    structured: { name: 'interview', schema: modelSchema(interviewAnswer) },
  })
}

describe.each(providers)('%s', (name) => {
  const types = published[name]

  test('every request has only fields that the provider publishes, each with its type', async () => {
    const before = rehearsal.calls().length
    await makeRequests(name)
    const sent = rehearsal
      .calls()
      .slice(before)
      .filter(({ provider }) => provider === name)
    expect(sent.length).toBeGreaterThanOrEqual(6)
    for (const { body } of sent) expect(publishedFaults(body, types.file, types.request)).toEqual([])
  })

  test('every event of the rehearsal has only fields that the provider publishes, each with its type', async () => {
    const before = rehearsal.calls().length
    await makeRequests(name)
    const base = name === 'OPENAI' ? rehearsal.openaiBaseUrl : rehearsal.anthropicBaseUrl
    const headers = { 'content-type': 'application/json', authorization: 'Bearer x', 'x-api-key': 'x' }
    for (const { body } of rehearsal
      .calls()
      .slice(before)
      .filter(({ provider }) => provider === name)) {
      const response = await fetch(`${base}${types.path}`, {
        method: 'POST',
        headers: { ...headers, 'anthropic-version': '2023-06-01' },
        body: JSON.stringify(body),
      })
      const events = (await response.text()).split('\n\n').filter((event) => event !== '')
      expect(events.length).toBeGreaterThan(5)
      for (const event of events) {
        const data = JSON.parse(event.slice(event.indexOf('data: ') + 6))
        // Pings are kept from those who use the SDK, and so have no type.
        if (data.type === 'ping') continue
        // The SDK puts `output_text` together itself: it does not come over the wire.
        const found = publishedFaults(data, types.file, types.event).filter(
          (each) => !each.includes('.output_text: missing'),
        )
        expect(found).toEqual([])
      }
    }
  })

  test('a field that is unknown, missing or of a wrong type is found', async () => {
    await providerOn(name, rehearsal).complete(request({ tools }))
    const body = rehearsal.calls().at(-1)?.body as Record<string, unknown>
    const wrong = (fields: Record<string, unknown>) =>
      publishedFaults({ ...body, ...fields }, types.file, types.request).join('\n')
    expect(wrong({ mood: 1 })).toContain('.mood: not a published field')
    expect(wrong({ model: 7 })).toContain('.model')
    expect(wrong({ stream: 'yes' })).toContain('.stream: true expected')
    expect(wrong({ tools: [{ name: 'x' }] })).toMatch(/\.tools\[0\]/)
    const conversation = name === 'OPENAI' ? 'input' : 'messages'
    expect(wrong({ [conversation]: [{ role: 'user', content: [{ type: 'text', words: '' }] }] })).not.toBe('')
    expect(wrong({ [conversation]: [{ role: 'robot', content: 'x' }] })).not.toBe('')
  })
})
