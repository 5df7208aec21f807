import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { createEventFeed } from '../../src/adapters/events/event-feed.ts'
import { type Rehearsal, type RehearsalCall, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import type { EventBody } from '../../src/domain/event/event.ts'
import type { EventFeed } from '../../src/domain/ports/event-feed.ts'
import { approves, createCast, inTurns, rejects, submits, writes } from '../factories/cast.ts'
import { silent, theBeginning } from '../factories/event-log.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { createdSession, readSession, said } from '../factories/sessions.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import type { TestServer } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

const cast = createCast()
let database: TestDatabase
let directory: TemporaryDirectory
let orm: Orm
let feed: EventFeed
let rehearsal: Rehearsal
/** Whether a call hangs. */
let holds: (call: RehearsalCall) => boolean = () => false
beforeAll(async () => {
  database = await createTestDatabase()
  directory = await temporaryDirectory()
  orm = await createOrm(database.url)
  feed = await createEventFeed(() => orm.em.fork(), silent)
  rehearsal = await startRehearsal({
    intercept: (call) => (holds(call) ? { kind: 'hang' } : cast.rehearsalOptions.intercept?.(call)),
  })
})
afterAll(async () => {
  await feed[Symbol.asyncDispose]()
  await orm.close()
  await rehearsal.close()
  await database.drop()
  await directory[Symbol.asyncDispose]()
})

// The rehearsal is in this process: it sees every call that any of the killed servers made.
const startProcess = async () => {
  const started = await startServerProcess(
    {
      DATABASE_URL: database.url,
      DATA_DIR: directory.path,
      REHEARSAL: 'never',
      OPENAI_API_KEY: 'test',
      OPENAI_BASE_URL: rehearsal.openaiBaseUrl,
      OPENAI_MODEL: 'rehearsal-openai',
    },
    {
      leaseMs: 1_000,
      retry: { baseDelayMs: 5, attempts: 1 },
      patience: { intervalMs: 200, waitingMs: 2_000, abandonedMs: 300 },
    },
  )
  // Also of a test that was given up nothing is left.
  onTestFinished(() => started[Symbol.asyncDispose]())
  return started
}

const event = async (matches: (body: EventBody) => boolean): Promise<void> => {
  for await (const { body } of feed.follow({ projectIds: null }, theBeginning)) if (matches(body)) return
}

const count = async (statement: string, ...parameters: unknown[]): Promise<number> => {
  const [row] = await orm.em.fork().getConnection().execute<{ count: string }[]>(statement, parameters)
  return Number(row?.count)
}

interface Moment {
  readonly name: string
  readonly signal: NodeJS.Signals
  /** It has come when an event is in the log, or when a call is on its way, which stays so. */
  readonly comes: { readonly event: (body: EventBody) => boolean } | { readonly call: (call: RehearsalCall) => boolean }
}

const moments: readonly Moment[] = [
  {
    name: 'the coder waits for an answer',
    signal: 'SIGKILL',
    comes: { call: ({ role, turn }) => role === 'coder' && turn === 1 },
  },
  {
    name: 'the tests run',
    signal: 'SIGKILL',
    comes: { event: (body) => body.type === 'TestRunChanged' && body.status === 'RUNNING' },
  },
  {
    name: 'the evaluator waits for an answer',
    signal: 'SIGTERM',
    comes: { call: ({ role, turn }) => role === 'evaluator' && turn === 1 },
  },
]

const isOf = (moment: Moment | undefined, call: RehearsalCall): boolean =>
  moment !== undefined && 'call' in moment.comes && moment.comes.call(call)

/**
 * From now on the first of these moments is waited for. The calls of the others are not answered until it is their
 * turn: a call whose answer is stored does not come again, and its moment would have passed unseen.
 */
const awaitMoment = ([next, ...later]: readonly Moment[]): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let isOver = false
  holds = (call) => {
    if (later.some((moment) => isOf(moment, call))) return true
    if (isOver || !isOf(next, call)) return false
    isOver = true
    resolve()
    return true
  }
  return next && 'event' in next.comes ? event(next.comes.event) : promise
}

it('a server that is killed again and again in a turn ends it as if nothing had happened, and buys nothing twice', async () => {
  let server = await startProcess()
  const asServer = {
    query: (...args: Parameters<typeof server.query>) => server.query(...args),
  } as unknown as TestServer
  const projectId = await readyProject(asServer)
  const command = ['python3', '-c', 'import time; time.sleep(0.4)']
  await server.query('mutation ($input: CreateTestCaseInput!) { createTestCase(input: $input) { __typename } }', {
    input: { projectId, name: 'sleeps', command },
  })
  const task = cast.task('Write a and b.', {
    coder: inTurns(
      writes('a.txt', 'a\n'),
      submits(null, 'Write a'),
      writes('b.txt', 'b\n'),
      submits(null, 'Write both'),
    ),
    evaluator: ({ turn }) => (turn === 0 ? rejects('b is missing.') : approves('Write both')),
  })
  const id = await createdSession(asServer, projectId)
  let reached = awaitMoment(moments)
  await said(asServer, id, task)
  for (const [index, moment] of moments.entries()) {
    await reached
    expect(await server.end(moment.signal), moment.name).toBe(moment.signal === 'SIGTERM' ? 0 : null)
    reached = awaitMoment(moments.slice(index + 1))
    server = await startProcess()
  }
  const sessionId = rowId(id)
  await event((body) => body.type === 'MessageAdded')
  await expect
    .poll(() => count('select count(*) from session_turn where session_id = ? and finished_at is null', sessionId), {
      timeout: 60_000,
      interval: 100,
    })
    .toBe(0)
  const session = await readSession(asServer, id)
  expect(await server.end('SIGTERM')).toBe(0)
  expect(session.messages.nodes).toMatchObject([
    { role: 'USER', status: 'COMPLETED' },
    { role: 'CODER', iteration: 1, text: 'I use write_file.\n\nWrite a' },
    { role: 'EVALUATOR', iteration: 1 },
    { role: 'CODER', iteration: 2, text: 'I use write_file.\n\nWrite both' },
    { role: 'EVALUATOR', iteration: 2 },
  ])
  expect(session.diffs.nodes).toMatchObject([
    {
      status: 'EVALUATOR_APPROVED',
      files: [{ path: 'a.txt' }, { path: 'b.txt' }],
      latestTestRun: { status: 'PASSED' },
    },
    { status: 'SUPERSEDED', latestTestRun: { status: 'PASSED' } },
  ])

  expect(await count(`select count(*) from model_call where status = 'SENT'`)).toBe(0)
  const lost = await count(`select count(*) from model_call where status = 'LOST'`)
  expect(lost).toBeGreaterThanOrEqual(2)
  const recorded = await count('select count(*) from model_call')
  expect(recorded - lost).toBe(6)
  expect(rehearsal.calls().length).toBeLessThanOrEqual(recorded)
  expect(
    await count(`select count(*) from (
      select from model_call group by scope, sequence having count(*) filter (where status = 'ANSWERED') <> 1
    ) as wrong`),
  ).toBe(0)
  expect(await count('select coalesce(sum(reserved_tokens), 0) as count from budget')).toBe(0)
  expect(await count('select count(*) from tool_call')).toBe(4)
  expect(await count('select count(*) from diff')).toBe(2)
}, 180_000)
