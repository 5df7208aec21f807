import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventTypes } from '../../src/domain/webhook/event-types.ts'
import { made, mutate } from '../factories/api.ts'
import { review } from '../factories/gate.ts'
import { actorWithToken, proposedDiff, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Receiver, startReceiver, verified } from './receiver.ts'
import { createWebhook, deleteWebhook, emit, shownWebhook, storedWebhook, webhooksOf } from './webhooks.ts'

let server: TestServer
let receiver: Receiver
let projectId: string
beforeAll(async () => {
  receiver = await startReceiver()
  const env = { WEBHOOK_ALLOWED_PROTOCOLS: 'https,http', WEBHOOK_ALLOWED_HOSTS: '127.0.0.1,receiver.invalid' }
  server = await startTestServer({ pools: { maintenance: 2, webhooks: 4 }, env, rehearsal: false })
  projectId = await readyProject(server)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
})

it('what happens in a project reaches a webhook signed, in order, with the ids of the API and a cursor to go on from', async () => {
  const hook = await createWebhook(server, { projectId, url: receiver.url, events: ['DiffChanged'] })
  expect(hook).toMatchObject({ __typename: 'Webhook', failures: 0, lastDeliveredAt: null, deadAt: null })
  expect(Buffer.from(hook.secret.replace(/^whsec_/, ''), 'base64')).toHaveLength(32)
  const diff = await proposedDiff(server, projectId)
  expect(await review(server, diff, { verdict: 'REJECT' })).toMatchObject({ status: 'HUMAN_REJECTED' })
  await receiver.arrived(2)
  const [proposed, rejected] = receiver.received.map((each) => verified(hook.secret, each))
  expect([proposed, rejected]).toEqual(
    ['PROPOSED', 'HUMAN_REJECTED'].map((status) => ({
      type: 'DiffChanged',
      timestamp: expect.any(String),
      data: { cursor: expect.any(String), at: expect.any(String), projectId, diffId: diff.id, status },
    })),
  )
  for await (const { data } of server.subscribe(
    'subscription ($id: ID!, $after: String) { projectEvents(projectId: $id, after: $after) { cursor at } }',
    { id: projectId, after: proposed?.data.cursor },
  )) {
    expect(data.projectEvents).toEqual({ cursor: rejected?.data.cursor, at: rejected?.data.at })
    break
  }
  const [shown] = await webhooksOf(server, projectId)
  expect(shown).toMatchObject({ id: hook.id, events: ['DiffChanged'], secret: null, failures: 0, lastError: null })
  const { secret } = await storedWebhook(server.context.services, hook.id)
  expect(secret).not.toContain(hook.secret.slice(6))
  expect(await deleteWebhook(server, hook.id)).toMatchObject({ id: hook.id, url: receiver.url, secret: null })
  expect(await webhooksOf(server, projectId)).toEqual([])
})

it('a repeated call answers with the secret as well, whose first answer may have been lost, but not once it is deleted', async () => {
  const input = { projectId, url: 'https://receiver.invalid/', clientMutationId: 'again' }
  const first = await createWebhook(server, input)
  expect(first.events).toEqual(eventTypes)
  const again = await createWebhook(server, input)
  expect(again).toEqual(first)
  const { secrets } = server.context.services
  const elsewhere = await storedWebhook(server.context.services, first.id)
  expect(() => secrets.open(elsewhere.secret ?? '', rowId(projectId))).toThrow()
  await deleteWebhook(server, first.id)
  expect(await createWebhook(server, input)).toMatchObject({ id: first.id, secret: null })
})

it.each([
  [{ url: 'http://me:secret@127.0.0.1/' }, 'url', 'cannot be used: it carries credentials, and requests are signed'],
  [{ url: 'https://example.com/' }, 'url', 'cannot be used: the host example.com is not allowed'],
  [{ url: 'https://receiver.invalid/#x' }, 'url', 'cannot be used: it has a fragment, which is never sent'],
  [{ events: [] }, 'events', 'must name at least one type of event; leave it out for all of them'],
  [{ events: ['DiffChanged', 'diffChanged'] }, 'events.1', expect.stringMatching(/^is not one of InterviewChanged, /)],
])('%j is refused at %s', async (wrong, path, message) => {
  const answer = await createWebhook(server, { projectId, url: 'https://receiver.invalid/', ...wrong })
  expect(answer).toMatchObject({ __typename: 'ValidationError', fieldErrors: [{ path: path.split('.'), message }] })
})

it('webhooks are there for an ADMIN of their project, and for nobody else', async () => {
  const { id } = await createWebhook(server, { projectId, url: 'https://receiver.invalid/T0/secret-of-a-chat' })
  const seenBy = async (actor: Parameters<typeof actorWithToken>[1], tokenRole?: string, member?: string) => {
    const { id: actorId, token } = await actorWithToken(server, actor, tokenRole)
    if (member) await made(server, 'setProjectMember', { projectId, actorId, role: member })
    const { node } = await server.query('query ($id: ID!) { node(id: $id) { id } }', { id }, token)
    return [(await webhooksOf(server, projectId, token)).length, node?.id ?? null]
  }
  expect(await seenBy({ role: 'VIEWER' }, 'ADMIN', 'ADMIN')).toEqual([1, id])
  expect(await seenBy({ role: 'ADMIN' })).toEqual([1, id])
  expect(await seenBy({ role: 'REVIEWER' }, 'ADMIN', 'REVIEWER')).toEqual([0, null])
  expect(await seenBy({}, 'REVIEWER', 'ADMIN')).toEqual([0, null])
  expect(await seenBy({ role: 'ADMIN' }, 'VIEWER')).toEqual([0, null])
  await deleteWebhook(server, id)
  expect(await shownWebhook(server, id)).toBeNull()
})

it('a project has room for 20, also when many are made at once', async () => {
  const crowded = await readyProject(server)
  const input = { projectId: crowded, url: 'https://receiver.invalid/' }
  const answers = await Promise.all(Array.from({ length: 24 }, () => createWebhook(server, input)))
  expect(answers.filter(({ __typename }) => __typename === 'Webhook')).toHaveLength(20)
  expect(answers.find(({ __typename }) => __typename !== 'Webhook')?.message).toContain('delete one first')
  await mutate(server, 'deleteWebhook', { id: answers.find(({ __typename }) => __typename === 'Webhook')?.id })
  expect(await createWebhook(server, input)).toMatchObject({ __typename: 'Webhook' })
})

it('receivers that do not answer, more of them than maintenance has places, hold up no other work', async () => {
  const busy = await readyProject(server)
  const answers: ServerResponse[] = []
  const before = receiver.received.length
  for (let count = 1; count <= 3; count += 1) {
    receiver.reactions.push((response) => answers.push(response))
    await createWebhook(server, { projectId: busy, url: receiver.url, events: ['CheckpointReached'] })
  }
  await emit(server.context.services, busy, [1])
  await receiver.arrived(before + 3)
  await readyProject(server)
  expect(answers.map(({ destroyed, writableEnded }) => destroyed || writableEnded)).toEqual([false, false, false])
  for (const answer of answers) answer.writeHead(204).end()
})
