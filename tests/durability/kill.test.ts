import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { createEventFeed } from '../../src/adapters/events/event-feed.ts'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import type { EventBody } from '../../src/domain/event/event.ts'
import type { EventFeed } from '../../src/domain/ports/event-feed.ts'
import { silent, theBeginning } from '../factories/event-log.ts'
import { readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import type { TestServer } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

type Intercept = NonNullable<NonNullable<Parameters<typeof startRehearsal>[0]>['intercept']>

let database: TestDatabase
let directory: TemporaryDirectory
let orm: Orm
let feed: EventFeed
let rehearsal: Rehearsal
/** What the test does with the next call. */
let intercept: Intercept = () => undefined
beforeAll(async () => {
  database = await createTestDatabase()
  directory = await temporaryDirectory()
  orm = await createOrm(database.url)
  feed = await createEventFeed(() => orm.em.fork(), silent)
  rehearsal = await startRehearsal({ intercept: (call) => intercept(call) })
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
      ANTHROPIC_API_KEY: 'test',
      ANTHROPIC_BASE_URL: rehearsal.anthropicBaseUrl,
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

/** The moment at which so many matching events are in the log. */
const event = async (matches: (body: EventBody) => boolean, times = 1): Promise<void> => {
  let left = times
  for await (const { body } of feed.follow({ projectIds: null }, theBeginning)) {
    if (matches(body)) left -= 1
    if (left === 0) return
  }
}

const count = async (statement: string, ...parameters: unknown[]): Promise<number> => {
  const [row] = await orm.em.fork().getConnection().execute<{ count: string }[]>(statement, parameters)
  return Number(row?.count)
}

/** What the pipeline's factories need of a server. */
const asServer = (process: ServerProcess) =>
  ({
    query: process.query,
    event: async (type: string, matches: (body: never) => boolean) => {
      const events = feed.follow({ projectIds: null }, theBeginning)
      for await (const row of events) if (row.body.type === type && matches(row.body as never)) return row
      throw new Error('unreachable')
    },
  }) as unknown as TestServer

const createTestCase = `mutation ($input: CreateTestCaseInput!) {
  createTestCase(input: $input) { __typename ... on DomainError { message } }
}`

interface Moment {
  readonly name: string
  readonly signal: NodeJS.Signals
  /** It has come when an event is in the log, or when a call is on its way, which stays so. */
  readonly comes:
    | { readonly event: (body: EventBody) => boolean; readonly times: number }
    | { readonly call: (call: Parameters<Intercept>[0]) => boolean }
}

const moments: readonly Moment[] = [
  {
    name: 'a coder has used a tool',
    signal: 'SIGKILL',
    comes: { event: ({ type }) => type === 'ToolCalled', times: 5 },
  },
  {
    name: 'a coder waits for an answer',
    signal: 'SIGTERM',
    comes: { call: ({ role, turn }) => role === 'coder' && turn === 3 },
  },
  {
    name: 'tests run',
    signal: 'SIGKILL',
    comes: { event: (body) => body.type === 'TestRunChanged' && body.status === 'RUNNING', times: 1 },
  },
  { name: 'the verifier waits', signal: 'SIGKILL', comes: { call: ({ role }) => role === 'verifier' } },
]

/**
 * From now on the first of these moments is waited for. The calls of the others are not answered until it is their
 * turn: a call whose answer is stored does not come again, and its moment would have passed unseen.
 */
const awaitMoment = ([next, ...later]: readonly Moment[]): Promise<void> => {
  const isOf = (moment: Moment | undefined, call: Parameters<Intercept>[0]) =>
    moment !== undefined && 'call' in moment.comes && moment.comes.call(call)
  const { promise, resolve } = Promise.withResolvers<void>()
  let isOver = false
  intercept = (call) => {
    if (later.some((moment) => isOf(moment, call))) return { kind: 'hang' }
    if (isOver || !isOf(next, call)) return undefined
    isOver = true
    resolve()
    return { kind: 'hang' }
  }
  return next && 'event' in next.comes ? event(next.comes.event, next.comes.times) : promise
}

it('a server that is killed again and again in a sprint ends it as if nothing had happened, and buys nothing twice', async () => {
  let server = await startProcess()
  const projectId = await readyProject(asServer(server))
  const command = ['python3', '-c', 'import time; time.sleep(0.4); exec(open("hello.py").read())']
  await server.query(createTestCase, { input: { projectId, name: 'prints', command } })
  const specId = await validatedSpec(asServer(server), projectId)
  let reached = awaitMoment(moments)
  const sprintId = await startedSprint(asServer(server), specId)
  for (const [index, moment] of moments.entries()) {
    await reached
    expect(await server.end(moment.signal), moment.name).toBe(moment.signal === 'SIGTERM' ? 0 : null)
    reached = awaitMoment(moments.slice(index + 1))
    server = await startProcess()
  }
  const id = rowId(sprintId)
  await event(
    (body) =>
      body.type === 'SprintChanged' &&
      body.sprintId === id &&
      ['COMPLETED', 'FAILED', 'CANCELED'].includes(body.status),
  )
  const { node: sprint } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Sprint { status failure phases { kind status } diff { files { path } } } } }`,
    { id: sprintId },
  )
  expect(sprint).toMatchObject({ status: 'COMPLETED', failure: null })
  expect(await server.end('SIGTERM')).toBe(0)

  expect(await count(`select count(*) from diff where sprint_id = ?`, id)).toBe(1)
  expect(await count(`select count(*) from model_call where status = 'SENT'`)).toBe(0)
  expect(await count(`select count(*) from model_call where status = 'FAILED'`)).toBe(0)
  expect(await count(`select count(*) from model_call where status = 'LOST'`)).toBeGreaterThanOrEqual(2)
  // Every call that was sent is on record, and none was sent again after its answer had been stored. A call is
  // recorded before it is sent: one that was LOST may never have left.
  const recorded = await count('select count(*) from model_call')
  const lost = await count(`select count(*) from model_call where status = 'LOST'`)
  expect(rehearsal.calls().length).toBeLessThanOrEqual(recorded)
  expect(rehearsal.calls().length).toBeGreaterThanOrEqual(recorded - lost)
  expect(
    await count(`select count(*) from (
      select from model_call group by scope, sequence having count(*) filter (where status = 'ANSWERED') <> 1
    ) as wrong`),
  ).toBe(0)
  // A lost call counts as spent, all that was reserved for it; nothing stays reserved.
  expect(await count('select coalesce(sum(reserved_tokens), 0) as count from budget')).toBe(0)
  expect(
    await count(
      `select count(*) from budget where id = (select budget_id from sprint where id = ?) and spent_tokens <>
      (select sum(case status when 'LOST' then reserved_tokens else input_tokens + output_tokens end)
       from model_call where sprint_id = ?)`,
      id,
      id,
    ),
  ).toBe(0)
  expect(
    await count(`select count(*) from (
      select from tool_call group by candidate_id, turn, position having count(*) > 1) as twice`),
  ).toBe(0)
  expect(await count(`select count(*) from lease where until > now()`)).toBe(0)
  // Five servers are started one after the other, each of which is two seconds of computing.
}, 180_000)
