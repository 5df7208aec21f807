import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { mutate } from '../factories/api.ts'
import { createCast, inTurns, says, submits, writes } from '../factories/cast.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { createdSession, idleSession, readSession, said } from '../factories/sessions.ts'
import { type HeldProvider, startHeldProvider } from '../support/held-provider.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let provider: HeldProvider
let server: TestServer
beforeAll(async () => {
  provider = await startHeldProvider(cast.rehearsalOptions)
  server = await startTestServer({
    env: provider.env,
    overrides: { patience: { intervalMs: 100, waitingMs: 60_000, abandonedMs: 300 } },
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})
beforeEach(() => provider.release())

const count = async (statement: string, ...parameters: unknown[]): Promise<number> => {
  const [row] = await server.context.services.em().getConnection().execute(statement, parameters)
  return Number((row as { count: string }).count)
}

/** What of a session is still going on, or stays reserved. */
const leftovers = async (sessionId: string) => {
  const id = rowId(sessionId)
  return {
    turns: await count(`select count(*) from session_turn where session_id = ? and finished_at is null`, id),
    calls: await count(`select count(*) from model_call where session_id = ? and status = 'SENT'`, id),
    reserved: await count(
      'select reserved_tokens as count from budget where id = (select budget_id from session where id = ?)',
      id,
    ),
    tests: await count(`select count(*) from test_run where session_id = ? and finished_at is null`, id),
  }
}
const nothing = { turns: 0, calls: 0, reserved: 0, tests: 0 }

it('messages of two people at once are visible at once and are worked on one at a time, in their order', async () => {
  const projectId = await readyProject(server)
  const other = await actorWithToken(server, { name: 'Ada', role: 'AUTHOR' })
  const task = cast.task('One.', { coder: ({ turn }) => says(`Answer ${turn + 1}.`) })
  const id = await createdSession(server, projectId)
  const held = provider.hold(() => true)
  await said(server, id, task)
  const call = await held
  const words = ['Two.', 'Three.', 'Four.', 'Five.']
  await Promise.all(words.map((text, at) => said(server, id, text, at % 2 === 0 ? other.token : undefined)))
  const waiting = await readSession(server, id)
  expect(waiting.busy).toBe(true)
  expect(waiting.messages.nodes.map(({ role }: { role: string }) => role)).toEqual(Array(5).fill('USER'))
  const statuses = waiting.messages.nodes.map(({ status }: { status: string }) => status)
  expect(statuses).toEqual(['RUNNING', 'WAITING', 'WAITING', 'WAITING', 'WAITING'])
  const order = waiting.messages.nodes.map(({ text }: { text: string }) => text)
  expect(cast.calls(task)).toHaveLength(0)
  provider.release()
  await call.answer()
  const done = await idleSession(server, id)
  const coder = done.messages.nodes.filter(({ role }: { role: string }) => role === 'CODER')
  expect(coder.map(({ text }: { text: string }) => text)).toEqual([1, 2, 3, 4, 5].map((each) => `Answer ${each}.`))
  // Each call has all that was said before it, and nothing that waits behind it.
  for (const [at, { body }] of cast.calls(task, 'coder').entries()) {
    const sent = JSON.stringify(body)
    for (const [place, text] of order.entries()) expect(sent.includes(text)).toBe(place <= at)
  }
})

it('interrupting stops the model call itself and what waits behind it; what is stored stays, and the next message goes on', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Write a, then think.', {
    coder: inTurns(writes('a.txt', 'a\n'), says('I go on.'), submits(null)),
  })
  const id = await createdSession(server, projectId)
  const held = provider.hold((_path, body) => body.includes('Wrote a.txt'))
  await said(server, id, task)
  const call = await held
  await said(server, id, 'This one waits.')
  const before = provider.calls()
  const { interruptSession } = await server.query(
    'mutation ($id: ID!) { interruptSession(id: $id) { __typename ... on Session { busy } } }',
    { id },
  )
  expect(interruptSession).toEqual({ __typename: 'Session', busy: false })
  const interruptedAt = performance.now()
  await call.closed
  expect(performance.now() - interruptedAt).toBeLessThan(2_000)
  expect(await leftovers(id)).toEqual(nothing)
  const stopped = await readSession(server, id)
  expect(stopped.messages.nodes).toMatchObject([{ status: 'INTERRUPTED' }, { status: 'INTERRUPTED' }])

  // A second click changes nothing.
  expect(await mutate(server, 'interruptSession', { id })).toMatchObject({ __typename: 'Session' })
  expect(provider.calls()).toBe(before)
  provider.release()
  await said(server, id, 'Go on and submit.')
  const done = await idleSession(server, id, 2)
  expect(done.messages.nodes.at(-1)).toMatchObject({ role: 'CODER', text: 'I go on.' })
  const last = JSON.stringify(cast.calls(task, 'coder').at(-1)?.body)
  for (const words of ['Wrote a.txt', 'interrupted you here', 'This one waits.', 'Go on and submit.']) {
    expect(last).toContain(words)
  }
  await said(server, id, 'Now submit it.')
  const submitted = await idleSession(server, id, 3)
  expect(submitted.diffs.nodes).toMatchObject([{ files: [{ path: 'a.txt' }] }])
  // Whoever judges the change knows all that was asked for, as the coder does.
  const judged = JSON.stringify(cast.calls(task, 'evaluator').at(-1)?.body)
  for (const words of ['then think.', 'This one waits.', 'Now submit it.']) expect(judged).toContain(words)
})

it('interrupting while the tests run ends them, and no diff comes of it', async () => {
  const projectId = await readyProject(server)
  await mutate(server, 'createTestCase', {
    input: {
      projectId,
      name: 'long',
      command: ['python3', '-c', 'import time; time.sleep(86.42)'],
      timeoutMs: 120_000,
    },
  })
  const task = cast.task('Write a.', { coder: inTurns(writes('a.txt', 'a\n'), submits(null)) })
  const id = await createdSession(server, projectId)
  await said(server, id, task)
  await server.event('TestRunChanged', (body) => body.status === 'RUNNING')
  expect((await readSession(server, id)).busy).toBe(true)
  await mutate(server, 'interruptSession', { id })
  expect(await leftovers(id)).toEqual(nothing)
  await server.event('TestRunChanged', (body) => body.status === 'CANCELED')
  const after = await readSession(server, id)
  expect(after).toMatchObject({ busy: false, diffs: { nodes: [] } })
  expect(after.messages.nodes.at(-1)).toMatchObject({ role: 'CODER', iteration: 1, diff: null })
})

it('a deleted session is out of view and takes no message, its work is stopped, and its diffs stay readable', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Write a, then wait.', {
    coder: inTurns(writes('a.txt', 'a\n'), submits(null), says('Late.')),
  })
  const id = await createdSession(server, projectId)
  await said(server, id, task)
  const [diff] = (await idleSession(server, id)).diffs.nodes
  const held = provider.hold(() => true)
  await said(server, id, 'And?')
  const call = await held
  expect(await mutate(server, 'deleteSession', { id })).toMatchObject({ __typename: 'Session' })
  await call.closed
  expect(await leftovers(id)).toEqual(nothing)
  expect(await mutate(server, 'sendMessage', { sessionId: id, text: 'Hello?' })).toMatchObject({
    __typename: 'InvalidTransitionError',
    from: 'CLOSED',
  })
  expect(await mutate(server, 'deleteSession', { id })).toMatchObject({ __typename: 'Session', id })
  const { node } = await server
    .query(
      `query ($id: ID!, $diff: ID!) {
      node(id: $id) { ... on Project { sessions { nodes { id } } } }
      diff: node(id: $diff) { ... on Diff { content session { id closedAt } } }
    }`,
      { id: projectId, diff: diff.id },
    )
    .then(({ node: project, diff: kept }) => ({ node: { project, kept } }))
  expect(node.project.sessions.nodes).toEqual([])
  expect(node.kept).toMatchObject({ content: diff.content, session: { id, closedAt: expect.any(String) } })
})

it('the same message sent twice under one clientMutationId is said once', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Once.', { coder: () => says('Yes.') })
  const input = { projectId, clientMutationId: 'session' }
  const [a, b] = await Promise.all([1, 2].map(() => mutate(server, 'createSession', { input })))
  expect(a?.id).toBe(b?.id)
  const sending = { sessionId: a?.id, text: task, clientMutationId: 'message' }
  const [c, d] = await Promise.all([1, 2].map(() => mutate(server, 'sendMessage', sending)))
  expect(c?.id).toBe(d?.id)
  const session = await idleSession(server, a?.id ?? '')
  expect(session.messages.nodes).toHaveLength(2)
})
