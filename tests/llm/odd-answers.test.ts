import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { providers } from '../../src/domain/ports/model-provider.ts'
import { agentTools, providerOn, request } from './support.ts'

/** The rehearsal, with its answers changed on their way. */
async function changedRehearsal(change: (answer: string) => string) {
  const stack = new AsyncDisposableStack()
  const rehearsal = await startRehearsal()
  stack.defer(() => rehearsal.close())
  const server = createServer(async (incoming, response) => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer x', 'anthropic-version': '2023-06-01' }
    const body = await text(incoming)
    const answer = await fetch(`${rehearsal.anthropicBaseUrl}${incoming.url}`, { method: 'POST', headers, body })
    response.writeHead(answer.status, { 'content-type': 'text/event-stream' })
    response.end(change(await answer.text()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(stack, {
    rehearsal: { ...rehearsal, openaiBaseUrl: `${origin}/v1`, anthropicBaseUrl: origin },
    calls: rehearsal.calls,
  })
}

test.each(providers)('two tool calls of one id are a malformed answer, and asked for again: %s', async (name) => {
  await using changed = await changedRehearsal((answer) => answer.replace(/\b(call|toolu)_[0-9a-f]+/g, '$1_same'))
  const call = providerOn(name, changed.rehearsal).complete(request({ tools: agentTools }))
  await expect(call).rejects.toMatchObject({
    code: 'malformed_answer',
    message: expect.stringContaining('two of the tool calls in the answer have the same id'),
  })
  expect(changed.calls()).toHaveLength(4)
})

test.each(providers)('an event that nobody knows is passed over: %s', async (name) => {
  const unknown = 'event: response.mood\ndata: {"type":"response.mood","sequence_number":0}\n\n'
  await using changed = await changedRehearsal((answer) => answer.replaceAll('\n\n', `\n\n${unknown}`))
  const answer = await providerOn(name, changed.rehearsal).complete(request({ tools: agentTools }))
  expect(answer.stop).toBe('TOOLS')
  expect(answer.toolUses).toHaveLength(3)
})
