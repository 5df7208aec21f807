import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Fault } from '../../src/adapters/rehearsal/fault.ts'
import { approves, createCast, inTurns, rejects, says, submits, uses } from '../factories/cast.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { createdSession, idleSession, said, talked } from '../factories/sessions.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const stack = new AsyncDisposableStack()
const cast = createCast()
/** Where the work is done, and a process that only answers. */
let server: TestServer
let api: TestServer
beforeAll(async () => {
  const database = stack.use(await createTestDatabase())
  const directory = stack.use(await temporaryDirectory())
  const shared = { databaseUrl: database.url, dataDir: directory.path }
  server = stack.use(
    await startTestServer({
      ...shared,
      overrides: { rehearsalOptions: { ...cast.rehearsalOptions, wordDelayMs: 5 }, retry: { baseDelayMs: 1 } },
    }),
  )
  api = stack.use(await startTestServer({ ...shared, pools: {}, env: { ADMIN_TOKEN: server.token } }))
})
afterAll(() => stack.disposeAsync())

interface Delta {
  readonly messageId: string
  readonly agent: string
  readonly iteration: number
  readonly offset: number
  readonly text: string
}

const textOf = `subscription ($id: ID!) { sessionText(sessionId: $id) { messageId agent iteration offset text } }`

/** Collects what is streamed until `until` settles. */
const follow = async (from: TestServer, sessionId: string) => {
  const deltas: Delta[] = []
  const items = from.subscribe(textOf, { id: sessionId })
  const done = (async () => {
    for await (const { data } of items) deltas.push(data.sessionText)
  })()
  // The subscription is set up once the reader is there.
  await expect.poll(() => from.context.services.textFeed.readers()).toBeGreaterThan(0)
  return {
    deltas,
    async end() {
      await items.return?.()
      await done
    },
  }
}

it('text is streamed as it is written, also to another process, by message, agent and round', async () => {
  const projectId = await readyProject(server)
  const words = 'One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen.'
  const task = cast.task('Write a.', {
    coder: inTurns(
      says(words, [{ name: 'list_dir', arguments: { path: '' } }]),
      submits(addsFile('a.txt', ['1']), 'First version.'),
      submits(addsFile('a.txt', ['2']), 'Second version.'),
    ),
    evaluator: ({ turn }) =>
      turn === 0 ? rejects('"Quoted" \\ reason') : approves('Write a', 'Good\nnow: "yes" \u00e9.'),
  })
  const id = await createdSession(server, projectId)
  const text = await follow(api, id)
  await said(server, id, task)
  const session = await idleSession(server, id)
  const spoken = session.messages.nodes.filter(({ role }: { role: string }) => role !== 'USER')
  await expect.poll(() => text.deltas.filter(({ agent }) => agent === 'evaluator').length).toBeGreaterThan(1)
  await expect
    .poll(() =>
      text.deltas
        .filter(({ messageId }) => messageId === spoken.at(-1).id)
        .map((each) => each.text)
        .join(''),
    )
    .toBe(spoken.at(-1).text)
  await text.end()
  expect(spoken).toHaveLength(4)
  for (const message of spoken) {
    const own = text.deltas.filter(({ messageId }) => messageId === message.id)
    expect(new Set(own.map(({ agent }) => agent.toUpperCase()))).toEqual(new Set([message.role]))
    expect(new Set(own.map(({ iteration }) => iteration))).toEqual(new Set([message.iteration]))
    const whole = own.map((each) => each.text).join('')
    // An evaluator's reasons follow its reasoning, which is what is read along.
    if (message.role === 'CODER') expect(whole).toBe(message.text)
    else expect(message.text.startsWith(whole) && whole.length > 0).toBe(true)
    let at = 0
    for (const { offset, text: piece } of own) {
      expect(offset).toBe(at)
      at += piece.length
    }
  }
  // As it is written, and not all at once.
  expect(text.deltas.filter(({ messageId }) => messageId === spoken[0].id).length).toBeGreaterThan(2)
})

/** A message's text as the contract has it put together: a piece replaces what stands from its place on. */
const assembled = (deltas: readonly Delta[]): string =>
  deltas.reduce((text, { offset, text: piece }) => text.slice(0, offset) + piece, '')

it('an answer that is cut and made again takes the place of what was streamed of it', async () => {
  const projectId = await readyProject(server)
  const reactions: Fault[] = [{ kind: 'cut' }, submits(addsFile('a.txt', ['1']), 'All that the coder says.')]
  const task = cast.task('Write a.', { coder: () => reactions.shift() })
  const id = await createdSession(server, projectId)
  const text = await follow(api, id)
  await said(server, id, task)
  const session = await idleSession(server, id)
  const { id: messageId, text: whole } = session.messages.nodes[1]
  const own = () => text.deltas.filter((delta) => delta.messageId === messageId)
  await expect.poll(() => assembled(own())).toBe(whole)
  // Of the attempt that was cut there was something to take the place of.
  expect(own().filter(({ offset }) => offset === 0)).toHaveLength(2)
  await text.end()
})

it('sessionEvents tells messages, tokens by agent and round, tests and diffs, and goes on after a cursor', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Write a.', {
    coder: inTurns(uses('list_dir', { path: '' }), submits(addsFile('a.txt', ['1']))),
    evaluator: () => approves('Write a'),
  })
  const session = await talked(server, projectId, task)
  const document = `subscription ($id: ID!, $after: String) { sessionEvents(sessionId: $id, after: $after) {
    __typename cursor
    ... on TokensUsed { agent iteration model provider rehearsal }
    ... on MessageAdded { message { id role iteration session { id } } }
    ... on SessionChanged { busy session { id } }
    ... on DiffChanged { diffStatus: status }
  } }`
  const read = async (after: string | null, count: number) => {
    const found = []
    const events = api.subscribe(document, { id: session.id, after })
    for await (const { data, errors } of events) {
      if (errors) throw new Error(errors[0]?.message)
      found.push(data.sessionEvents)
      if (found.length === count) break
    }
    return found
  }
  const all = await read('0-0', 9)
  expect(all.map((event) => event.__typename)).toEqual([
    'SessionChanged',
    'MessageAdded',
    'SessionChanged',
    'TokensUsed',
    'TokensUsed',
    'MessageAdded',
    'TokensUsed',
    'DiffChanged',
    'MessageAdded',
  ])
  expect(all[6]).toMatchObject({ agent: 'evaluator', iteration: 1, model: 'rehearsal-openai', rehearsal: true })
  expect(all[3]).toMatchObject({ agent: 'coder', iteration: 1, provider: 'OPENAI' })
  expect(all[8]).toMatchObject({ message: { role: 'EVALUATOR', iteration: 1, session: { id: session.id } } })
  const again = await read(all[4].cursor, 5)
  expect(again.slice(0, 4)).toEqual(all.slice(5))
  expect(again[4]).toMatchObject({ __typename: 'SessionChanged', busy: false })

  // A page that is loaded again gets everything back.
  const { pendingDiffs } = await server.query(
    `query ($id: ID!) { pendingDiffs(projectId: $id, first: 5) { nodes {
      status evaluatorReasoning commitMessage content session { id messages { nodes { role text } } }
    } } }`,
    { id: projectId },
  )
  expect(pendingDiffs.nodes).toMatchObject([
    {
      status: 'EVALUATOR_APPROVED',
      evaluatorReasoning: 'It does what was asked.',
      commitMessage: 'Write a',
      session: { id: session.id, messages: { nodes: [{ role: 'USER' }, { role: 'CODER' }, { role: 'EVALUATOR' }] } },
    },
  ])
})

it('a reader who is slow, or gone, holds nothing up and costs a bounded amount of memory', async () => {
  const { textFeed } = server.context.services
  const sessionId = rowId(await createdSession(server, await readyProject(server)))
  const stop = new AbortController()
  const slow = textFeed.follow(sessionId, stop.signal)
  const first = slow.next()
  const piece = { sessionId, messageId: 'm', agent: 'coder', iteration: 1 }
  textFeed.write({ ...piece, offset: 0, text: 'first' })
  expect((await first).value).toMatchObject({ text: 'first' })
  // Of ten messages of 100,000 characters each, nobody reads one until all are there.
  for (let at = 0; at < 10; at += 1) {
    for (let offset = 0; offset < 100_000; offset += 1_000) {
      textFeed.write({ ...piece, messageId: `m${at}`, offset, text: 'x'.repeat(1_000) })
    }
    await textFeed.flush()
  }
  textFeed.write({ ...piece, messageId: 'last', offset: 0, text: 'end' })
  let kept = 0
  for await (const { messageId, text } of slow) {
    if (messageId === 'last') break
    kept += text.length
  }
  expect(kept).toBeGreaterThan(0)
  expect(kept).toBeLessThanOrEqual(300_000)
  stop.abort()
  await expect.poll(() => textFeed.readers()).toBe(0)
})
