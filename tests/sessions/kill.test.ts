import { afterAll, beforeAll, expect, it } from 'vitest'
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
/** The calls that are to hang; the first one that does is told. */
let hold: ((call: RehearsalCall) => boolean) | undefined
beforeAll(async () => {
  database = await createTestDatabase()
  directory = await temporaryDirectory()
  orm = await createOrm(database.url)
  feed = await createEventFeed(() => orm.em.fork(), silent)
  rehearsal = await startRehearsal({
    intercept: (call) => (hold?.(call) ? { kind: 'hang' } : cast.rehearsalOptions.intercept?.(call)),
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
const startProcess = () =>
  startServerProcess(
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

const event = async (matches: (body: EventBody) => boolean): Promise<void> => {
  for await (const { body } of feed.follow({ projectIds: null }, theBeginning)) if (matches(body)) return
}

const count = async (statement: string, ...parameters: unknown[]): Promise<number> => {
  const [row] = await orm.em.fork().getConnection().execute<{ count: string }[]>(statement, parameters)
  return Number(row?.count)
}

/** The moment at which a matching call is on its way, and stays so. */
const inFlight = (role: string, turn: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  hold = (call) => {
    if (call.role !== role || call.turn !== turn) return false
    hold = undefined
    resolve()
    return true
  }
  return promise
}

const moments: readonly { name: string; wait: () => Promise<void>; signal: NodeJS.Signals }[] = [
  { name: 'the coder waits for an answer', wait: () => inFlight('coder', 1), signal: 'SIGKILL' },
  {
    name: 'the tests run',
    wait: () => event((body) => body.type === 'TestRunChanged' && body.status === 'RUNNING'),
    signal: 'SIGKILL',
  },
  { name: 'the evaluator waits for an answer', wait: () => inFlight('evaluator', 1), signal: 'SIGTERM' },
]

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
  let reached = moments[0]?.wait()
  await said(asServer, id, task)
  for (const [index, moment] of moments.entries()) {
    await reached
    expect(await server.end(moment.signal), moment.name).toBe(moment.signal === 'SIGTERM' ? 0 : null)
    reached = moments[index + 1]?.wait()
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
  expect(await count(`select count(*) from model_call where status = 'LOST'`)).toBe(2)
  const recorded = await count('select count(*) from model_call')
  expect(recorded).toBe(8)
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
