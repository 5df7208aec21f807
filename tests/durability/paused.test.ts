import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { createEventFeed } from '../../src/adapters/events/event-feed.ts'
import { type Rehearsal, type RehearsalCall, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import type { EventFeed } from '../../src/domain/ports/event-feed.ts'
import { silent, theBeginning } from '../factories/event-log.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import type { TestDatabase } from '../support/database.ts'
import { startOwnPostgres } from '../support/own-postgres.ts'
import type { TestServer } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

let database: TestDatabase
let directory: TemporaryDirectory
let orm: Orm
let feed: EventFeed
let rehearsal: Rehearsal
let beforeAnswer: (call: RehearsalCall) => void = () => {}
beforeAll(async () => {
  // A process that is paused in a transaction holds back the events of all who share the server.
  database = await startOwnPostgres()
  directory = await temporaryDirectory()
  orm = await createOrm(database.url)
  feed = await createEventFeed(() => orm.em.fork(), silent)
  // In this process: it sees the calls of both servers.
  rehearsal = await startRehearsal({
    intercept: (call) => {
      beforeAnswer(call)
      return undefined
    },
  })
})
afterAll(async () => {
  await feed[Symbol.asyncDispose]()
  await orm.close()
  await rehearsal.close()
  await database.drop()
  await directory[Symbol.asyncDispose]()
})

const startProcess = (pauseBefore?: string) =>
  startServerProcess(
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
    {},
    pauseBefore,
  )

const askForInterview = async (server: ServerProcess, projectId: string, task: string): Promise<string> => {
  const { createSpec } = await server.query(
    'mutation ($input: CreateSpecInput!) { createSpec(input: $input) { ... on Spec { id } } }',
    { input: { projectId, task } },
  )
  return rowId(createSpec.id)
}

const interviewEnds = async (specId: string): Promise<void> => {
  for await (const { body } of feed.follow({ projectIds: null }, theBeginning)) {
    if (body.type === 'InterviewChanged' && body.specId === specId && !['QUEUED', 'RUNNING'].includes(body.status))
      return
  }
}

const isPaused = (pid: number) =>
  execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' })[0] === 'T'

/** All that an interview wrote. */
const rowsOf = async (specId: string) => {
  const [row] = await orm.em.fork().execute<{ rows: unknown }[]>(
    `with runs as (select id from agent_run where spec_id = :spec)
     select jsonb_build_object(
       'spec', (select jsonb_agg(t) from spec t where id = :spec),
       'runs', (select jsonb_agg(t order by id) from agent_run t where spec_id = :spec),
       'candidates', (select jsonb_agg(t order by id) from candidate t where run_id in (select id from runs)),
       'decisions', (select jsonb_agg(t order by id) from decision t where run_id in (select id from runs)),
       'calls', (select jsonb_agg(t order by id) from model_call t where run_id in (select id from runs)),
       'events', (select jsonb_agg(t order by id) from event t where spec_id = :spec)
     ) as rows`.replaceAll(':spec', `'${specId}'::uuid`),
  )
  return row?.rows
}

/** Lets a paused process go on until it has done all that it had before it, as the answer of a request shows. */
const comeBack = async (server: ServerProcess) => {
  process.kill(server.pid, 'SIGCONT')
  await server.query('{ viewer { name } }')
}

it('a process that was paused past its lease writes nothing, and makes at most the call that it was about to make', async () => {
  const secondTask = 'Create a Python script that prints the second task.'
  await using paused = await startProcess(secondTask)
  const projectId = await readyProject({ query: paused.query } as unknown as TestServer)

  // With an answer on its way to it.
  const stopped = Promise.withResolvers<void>()
  beforeAnswer = () => {
    beforeAnswer = () => {}
    process.kill(paused.pid, 'SIGSTOP')
    stopped.resolve()
  }
  const first = await askForInterview(paused, projectId, 'Create a Python script that prints the first task.')
  await stopped.promise
  await using other = await startProcess()
  await interviewEnds(first)
  const afterFirst = { rows: await rowsOf(first), calls: rehearsal.calls().length }
  await comeBack(paused)

  // About to make a call: it is recorded, and not sent.
  process.kill(other.pid, 'SIGSTOP')
  const second = await askForInterview(paused, projectId, secondTask)
  await vi.waitUntil(() => isPaused(paused.pid), { timeout: 30_000, interval: 50 })
  expect(rehearsal.calls().length).toBe(afterFirst.calls)
  process.kill(other.pid, 'SIGCONT')
  await interviewEnds(second)
  const afterSecond = { rows: await rowsOf(second), calls: rehearsal.calls().length }
  await comeBack(paused)

  // Neither has anything under way any more once it has ended.
  expect([await paused.end('SIGTERM'), await other.end('SIGTERM')]).toEqual([0, 0])
  expect(await rowsOf(first)).toEqual(afterFirst.rows)
  expect(await rowsOf(second)).toEqual(afterSecond.rows)
  expect(rehearsal.calls().length - afterSecond.calls).toBeLessThanOrEqual(1)
  // What it had recorded counts as lost: nobody knows whether it was sent.
  const calls = await orm.em.fork().execute<{ status: string }[]>('select distinct status from model_call order by 1')
  expect(calls).toEqual([{ status: 'ANSWERED' }, { status: 'LOST' }])
  expect(await orm.em.fork().execute('select 1 from budget where reserved_tokens <> 0')).toEqual([])
  // Two leases run out one after the other, while whole servers start.
}, 120_000)
