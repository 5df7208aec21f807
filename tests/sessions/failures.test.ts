import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { globalId, mutate } from '../factories/api.ts'
import {
  answersStatus,
  approves,
  createCast,
  inTurns,
  refuses,
  rejects,
  says,
  submits,
  uses,
  writes,
} from '../factories/cast.ts'
import { branchHas } from '../factories/diff-commands.ts'
import { review } from '../factories/gate.ts'
import { actorWithToken, readyProject } from '../factories/pipeline.ts'
import { createdSession, idleSession, readSession, said, sessionQuery, talked } from '../factories/sessions.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const stack = new AsyncDisposableStack()
const cast = createCast()
let server: TestServer
let projectId: string
beforeAll(async () => {
  const { path } = stack.use(await temporaryDirectory())
  const prices = join(path, 'prices.json')
  const price = { inputPerMillionUsd: 1, cachedInputPerMillionUsd: 1, outputPerMillionUsd: 10 }
  await writeFile(
    prices,
    JSON.stringify([
      { provider: 'OPENAI', source: 'the test', date: '2026-01-01', models: { 'rehearsal-openai': price } },
    ]),
  )
  server = stack.use(
    await startTestServer({
      env: { MODEL_PRICES: prices },
      overrides: { rehearsalOptions: cast.rehearsalOptions, retry: { baseDelayMs: 1, attempts: 2 } },
    }),
  )
  projectId = await readyProject(server)
})
afterAll(() => stack.disposeAsync())

const coder = () => inTurns(writes('a.txt', 'a\n'), submits(null, 'Write a'))

it('a change that is more than the evaluator takes is shown to it in part, file by file, and its verdict says so', async () => {
  const own = await readyProject(server)
  await branchHas(server, own, { 'large.py': 'x = 1  # a line among very many\n'.repeat(6_000) })
  const task = cast.task('Remove it.', {
    coder: inTurns(
      uses('delete_file', { path: 'large.py' }),
      writes('small.py', 'small = True\n'),
      submits(null, 'Remove it'),
    ),
    evaluator: () => approves('Remove it', 'It is what was asked.'),
  })
  const session = await talked(server, own, task)
  const [asked] = cast.calls(task, 'evaluator')
  const text = JSON.stringify(asked?.body)
  // The model is not known, so it is asked as one that takes 128,000 tokens.
  expect(Buffer.byteLength(text)).toBeLessThan(128_000)
  expect(Buffer.byteLength(text)).toBeGreaterThan(80_000)
  expect(text).toContain('+small = True')
  expect(text).toContain('more lines of this file left out]')
  const [, , judged] = session.messages.nodes
  expect(judged.text).toMatch(
    /^It is what was asked\.\n\nThe evaluator was not shown everything, .*: of 2 changed files, 1 are shown whole, 1 in part and 0 not at all: large\.py\. Its verdict is on what it saw\.$/,
  )
  expect(session.diffs.nodes).toMatchObject([{ status: 'EVALUATOR_APPROVED', evaluatorReasoning: judged.text }])
})

it.each([
  ['is down', () => answersStatus(500), 'server_error', /could not judge this change: .*500/],
  ['answers something else', () => says('Looks good to me!'), 'malformed_answer', /not the evaluation/],
  ['rejects without a reason', () => rejects(), 'malformed_answer', /without a reason/],
  ['refuses', () => refuses('I would rather not.'), 'refused', /I would rather not/],
])(
  'an evaluator that %s approves nothing: it is said, and the diff waits for a person',
  async (_name, evaluator, code, words) => {
    const task = cast.task('Write a.', { coder: coder(), evaluator })
    const session = await talked(server, projectId, task)
    expect(session.busy).toBe(false)
    const [asked, , judged] = session.messages.nodes
    expect(asked).toMatchObject({ status: 'FAILED', failure: expect.any(String) })
    expect(judged).toMatchObject({ role: 'EVALUATOR', iteration: 1, failure: code, text: expect.stringMatching(words) })
    expect(session.diffs.nodes).toMatchObject([
      { status: 'EVALUATOR_REJECTED', evaluatorReasoning: judged.text, commitMessage: 'Write a' },
    ])
    expect(session.pendingDiffs).toHaveLength(1)
    expect((await review(server, session.diffs.nodes[0])).__typename).toBe('InvalidTransitionError')
  },
)

it.each([
  ['whose provider is down', () => answersStatus(503), 'overloaded', /^The coder stopped: .*503/],
  ['that answers with nothing', () => says(' '), 'empty_answer', /^The coder stopped: The model answered with nothing/],
  ['that refuses', () => refuses('No.'), 'refused', /No\./],
])('a coder %s ends the turn with its reason, and the next message goes on', async (_name, broken, code, words) => {
  const task = cast.task('Write a.', {
    coder: ({ body }) => (JSON.stringify(body).includes('Again') ? says('Here I am.') : broken()),
  })
  const session = await talked(server, projectId, task)
  expect(session.messages.nodes).toMatchObject([
    { role: 'USER', status: 'FAILED' },
    { role: 'CODER', iteration: 1, failure: code, text: expect.stringMatching(words) },
  ])
  await said(server, session.id, 'Again, please.')
  const after = await idleSession(server, session.id, 2)
  expect(after.messages.nodes.at(-1)).toMatchObject({ role: 'CODER', text: 'Here I am.', failure: null })
})

it('a budget of its own stops a session before it is overshot, keeps what there is, and says so', async () => {
  const task = cast.task('Write a.', { coder: coder() })
  const session = await talked(server, projectId, task, { budget: { maxTokens: 23_000 } })
  const [asked, stopped] = session.messages.nodes
  expect(asked).toMatchObject({ status: 'FAILED', failure: expect.stringMatching(/The next call may use \d+ tokens/) })
  expect(stopped).toMatchObject({ failure: 'budget_exceeded', toolCalls: [{ name: 'write_file' }] })
  expect(cast.calls(task)).toHaveLength(1)
  expect(session.budget).toMatchObject({ maxTokens: 23_000, reservedTokens: 0 })
  expect(session.budget.spentTokens).toBe(session.usage.totalTokens)
})

it('wrong input is told by its field, and nothing is stored', async () => {
  const sessionId = await createdSession(server, projectId)
  const answers = await Promise.all([
    mutate(server, 'sendMessage', { sessionId, text: '   ' }),
    mutate(server, 'sendMessage', { sessionId, text: 'x'.repeat(100_001) }),
    mutate(server, 'sendMessage', { sessionId, text: 'bell \u0007' }),
    mutate(server, 'createSession', { input: { projectId, title: '' } }),
    mutate(server, 'createSession', { input: { projectId, budget: { maxTokens: -1 } } }),
  ])
  expect(answers.map(({ __typename, fieldErrors }) => [__typename, fieldErrors?.[0]?.path.join('.')])).toEqual([
    ['ValidationError', 'text'],
    ['ValidationError', 'text'],
    ['ValidationError', 'text'],
    ['ValidationError', 'title'],
    ['ValidationError', 'budget.maxTokens'],
  ])
  expect((await readSession(server, sessionId)).messages.nodes).toEqual([])
  expect(await mutate(server, 'createSession', { input: { projectId, title: 'huge' } })).toMatchObject({
    __typename: 'Session',
  })
})

it('a VIEWER reads, an AUTHOR sends, and who is no member of the project sees nothing', async () => {
  const [viewer, author, stranger] = await Promise.all([
    actorWithToken(server, { role: 'VIEWER' }),
    actorWithToken(server, { role: 'AUTHOR' }),
    actorWithToken(server, {}),
  ])
  const task = cast.task('Hello.', { coder: () => says('Hello.') })
  const { id, messages } = await talked(server, projectId, task)
  expect((await readSession(server, id, viewer.token)).messages.nodes).toHaveLength(2)
  expect(await mutate(server, 'sendMessage', { sessionId: id, text: 'Hi' }, viewer.token)).toMatchObject({
    __typename: 'ForbiddenError',
    requiredRole: 'AUTHOR',
  })
  for (const name of ['interruptSession', 'deleteSession']) {
    expect((await mutate(server, name, { id }, viewer.token)).__typename).toBe('ForbiddenError')
    expect((await mutate(server, name, { id }, stranger.token)).__typename).toBe('NotFoundError')
  }
  expect((await mutate(server, 'sendMessage', { sessionId: id, text: 'Hi' }, author.token)).__typename).toBe('Message')
  await idleSession(server, id, 2)

  expect((await server.query(sessionQuery, { id }, stranger.token)).node).toBeNull()
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { id } }',
    { id: messages.nodes[0].id },
    stranger.token,
  )
  expect(node).toBeNull()
  const nobody = globalId('Session', '11111111-2222-4333-8444-555555555555')
  for (const sessionId of [id, nobody, globalId('Project', '11111111-2222-4333-8444-555555555555'), 'nonsense']) {
    const answer = await mutate(server, 'sendMessage', { sessionId, text: 'Hi' }, stranger.token)
    expect(answer.__typename).toBe('NotFoundError')
  }
  for (const field of ['sessionText(sessionId: $id) { text }', 'sessionEvents(sessionId: $id) { cursor }']) {
    const { value } = await server.subscribe(`subscription ($id: ID!) { ${field} }`, { id }, stranger.token).next()
    expect(value?.errors?.[0]?.message).toMatch(/There is no session/)
  }
})
