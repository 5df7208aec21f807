import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readSampleTask, sampleTemplate } from '../../src/cli/demo/sample-task.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import type { Viewer } from '../../src/domain/actor/viewer.ts'
import { commitDiff } from '../../src/domain/commit/commit-diff.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { handlers } from '../../src/workers/handlers.ts'
import { recoverWork } from '../../src/workers/recovery.ts'
import { endedSprint, helloTask, proposedDiff, rowId } from '../factories/pipeline.ts'
import { endedRun, readRun, startedRun } from '../factories/runs.ts'
import { createdSession, readSession, said } from '../factories/sessions.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const run = promisify(execFile)
const impatient = { intervalMs: 100, waitingMs: 0, abandonedMs: 0 }

/** Without workers: jobs are published, and nobody does them but the test. */
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ pools: {} })
})
afterAll(() => server[Symbol.asyncDispose]())

const stop = new AbortController().signal

const execute = async <Row = unknown>(statement: string, ...parameters: unknown[]): Promise<Row[]> =>
  server.context.services.em().getConnection().execute<Row[]>(statement, parameters)

/** The first column of the first row. */
const value = async (statement: string, ...parameters: unknown[]): Promise<unknown> => {
  const [row] = await execute<object>(statement, ...parameters)
  return Object.values(row ?? {})[0]
}

interface OutboxJob {
  readonly id: string
  readonly job: string
  readonly payload: unknown
}

const jobsAfter = async (id: string): Promise<OutboxJob[]> =>
  execute('select id::text, job, payload from outbox where id > ? order by id', id)

const handle = async ({ job, payload }: OutboxJob, services: Services) => {
  const handler = handlers.find((known) => known.job.name === job)
  if (!handler) throw new Error(`There is no handler for ${job}.`)
  await handler.handle(services, payload, stop)
}

/** Another process's services. */
const worker = (processName: string): Services => ({ ...server.context.services, processName })

/** Does every job of the outbox, and those that come of them, as `deliver` delivers them. @returns the kinds done */
const drain = async (deliver: (job: OutboxJob) => Promise<unknown>, done: OutboxJob[] = []): Promise<OutboxJob[]> => {
  const found = await jobsAfter(done.at(-1)?.id ?? '0')
  if (found.length === 0) return done
  for (const job of found) await deliver(job)
  return drain(deliver, [...done, ...found])
}

const create = async (document: string, variables: object): Promise<string> => {
  const [answer] = Object.values(await server.query(document, variables)) as { __typename: string; id: string }[]
  if (!answer?.id) throw new Error(JSON.stringify(answer))
  return answer.id
}
const createProject =
  'mutation ($input: CreateProjectInput!) { createProject(input: $input) { __typename ... on Project { id } } }'
const createSpec = 'mutation ($input: CreateSpecInput!) { createSpec(input: $input) { __typename ... on Spec { id } } }'
const createSprint =
  'mutation ($input: CreateSprintInput!) { createSprint(input: $input) { __typename ... on Sprint { id } } }'

const rowCounts = async () => {
  const tables = [
    'project',
    'spec',
    'sprint',
    'phase',
    'agent_run',
    'candidate',
    'decision',
    'checkpoint',
    'model_call',
    'tool_call',
    'test_run',
    'test_result',
    'session',
    'session_turn',
    'message',
    'diff',
    'safety_evaluation',
    'event',
  ]
  const counts: Record<string, number> = {}
  for (const table of tables) {
    counts[table] = Number(await value(`select count(*) from ${table}`))
  }
  return counts
}

const difference = (after: Record<string, number>, before: Record<string, number>) =>
  Object.fromEntries(Object.entries(after).map(([table, count]) => [table, count - (before[table] ?? 0)]))

/** Jobs that no pipeline without a commit or an environment asks for. */
const testedApart: readonly string[] = [
  'settle-commit',
  'push-commit',
  'refine-message',
  'auto-rebase',
  'deliver-webhooks',
  'maintain-project',
  'trim-logs',
  'build-environment',
  'remove-environment',
]

/** The whole pipeline, with each job delivered as given. @returns the rows that it made */
const pipeline = async (deliver: (job: OutboxJob) => Promise<unknown>) => {
  const before = await rowCounts()
  const already = await jobsAfter('0')
  const projectId = await create(createProject, { input: { name: 'a project', source: { empty: true } } })
  const done = await drain(deliver, already)
  await server.query('mutation ($input: CreateTestCaseInput!) { createTestCase(input: $input) { __typename } }', {
    input: { projectId, name: 'prints', command: ['python3', 'hello.py'] },
  })
  const specId = await create(createSpec, { input: { projectId, task: helloTask, maxQuestions: 1 } })
  const asked = await drain(deliver, done)
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Spec { interview { questions { key } } } } }',
    { id: specId },
  )
  await server.query(
    'mutation ($id: ID!, $answers: [InterviewAnswerInput!]!) { answerInterview(specId: $id, answers: $answers) { __typename } }',
    { id: specId, answers: node.interview.questions.map(({ key }: { key: string }) => ({ key, answer: 'Yes.' })) },
  )
  const sprintId = await create(createSprint, { input: { specId, name: 'a sprint' } })
  await server.query('mutation ($id: ID!) { startSprint(id: $id) { __typename } }', { id: sprintId })
  const worked = await drain(deliver, asked)
  expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
  const runId = await startedRun(server, projectId, helloTask)
  const all = await drain(deliver, worked)
  expect(await endedRun(server, runId)).toMatchObject({ status: 'COMPLETED', errors: [] })
  const sampleId = await create(createProject, { input: { name: 'a sample', source: { template: sampleTemplate } } })
  const prepared = await drain(deliver, all)
  const sessionId = await createdSession(server, sampleId)
  await said(server, sessionId, (await readSampleTask()).task)
  const spoken = await drain(deliver, prepared)
  expect((await readSession(server, sessionId)).pendingDiffs).toMatchObject([{ status: 'EVALUATOR_APPROVED' }])
  return { rows: difference(await rowCounts(), before), kinds: new Set(spoken.map(({ job }) => job)), all: spoken }
}

it('a job of any kind that comes twice at once, or again much later, does what it does once', async () => {
  const once = await pipeline((job) => handle(job, worker('only')))
  const twice = await pipeline(async (job) => {
    await Promise.all([handle(job, worker('first')), handle(job, worker('second'))])
    await handle(job, worker('late'))
  })
  expect(twice.rows).toEqual(once.rows)
  expect(once.rows).toMatchObject({ project: 2, spec: 1, sprint: 1, phase: 3, session: 1 })
  // Every job that there was, once more, after everything has ended, from the last to the first.
  const before = await rowCounts()
  for (const job of twice.all.toReversed()) await handle(job, worker('very late'))
  expect(await rowCounts()).toEqual(before)
  expect(await value(`select count(*)::int from model_call where status <> 'ANSWERED'`)).toBe(0)
  expect([...twice.kinds].sort()).toEqual(
    handlers
      .map(({ job }) => job.name)
      .filter((name) => !testedApart.includes(name))
      .sort(),
  )
  // The whole pipeline thrice, beside other tests on few cores.
})

it('work whose job was lost is asked for again, once; what was asked for a moment ago is left alone', async () => {
  const projectId = rowId(await create(createProject, { input: { name: 'lost', source: { empty: true } } }))
  const asked = async () => (await execute(`select id from outbox where payload ->> 'projectId' = ?`, projectId)).length
  const { services } = server.context
  const patient = { ...impatient, waitingMs: 60_000 }
  await recoverWork(services, patient)
  expect(await asked()).toBe(1)
  // The job is gone: it was published, and the queue lost it. A relay that has it just now would say when after that.
  await execute(
    `with held as materialized (
       select id, pg_advisory_xact_lock(hashtextextended('outbox', id)) from outbox where payload ->> 'projectId' = ?
     )
     update outbox set published_at = now() - interval '61 seconds' from held where outbox.id = held.id`,
    projectId,
  )
  await recoverWork(services, patient)
  expect(await asked()).toBe(2)
  await recoverWork(services, patient)
  expect(await asked()).toBe(2)
})

it('a run outside a sprint ends though every one of its jobs is lost', async () => {
  const projectId = await preparedProject()
  const { services } = server.context
  const id = await startedRun(server, projectId, helloTask)
  const kinds = new Set<string>()
  for (;;) {
    const [lost] = await execute<{ last: string }>('select max(id)::text as last from outbox')
    if ((await readRun(server, id)).status !== 'RUNNING') break
    // What is not published cannot be lost yet.
    await execute('update outbox set published_at = now() where published_at is null')
    expect(await recoverWork(services, impatient)).toBeGreaterThan(0)
    for (const job of await jobsAfter(lost?.last ?? '0')) {
      kinds.add(job.job)
      await handle(job, services)
      // What it asked for is lost again: only what recovery asks for is done.
      if ((await readRun(server, id)).status !== 'RUNNING') break
    }
  }
  expect(await readRun(server, id)).toMatchObject({ status: 'COMPLETED', decision: {} })
  expect([...kinds]).toEqual(expect.arrayContaining(['run-candidate', 'advance-run']))
})

/** Approves a diff and decides its commit, as a process does that dies before the branch moves. */
const decided = async (projectId: string) => {
  const { services } = server.context
  const diff = await proposedDiff(server, projectId)
  await server.query(
    `mutation ($id: ID!, $content: String!, $evaluation: String!) {
      reviewDiff(diffId: $id, verdict: APPROVE, contentHash: $content, evaluationHash: $evaluation) { __typename }
    }`,
    { id: diff.id, content: diff.contentHash, evaluation: diff.safety.evaluationHash },
  )
  const viewer = (await authenticate(services, server.token)) as Viewer
  const dying: Services = {
    ...services,
    git: { ...services.git, moveBranch: () => Promise.reject(new Error('killed')) },
  }
  await expect(commitDiff(dying, viewer, rowId(diff.id))).rejects.toThrow('killed')
  expect(await value('select status from diff where id = ?', rowId(diff.id))).toBe('COMMITTING')
  return diff
}

const preparedProject = async () => {
  const already = await jobsAfter('0')
  const projectId = await create(createProject, { input: { name: 'commits', source: { empty: true } } })
  await drain((job) => handle(job, worker('only')), already)
  return projectId
}

const git = async (projectId: string, ...args: string[]) =>
  (await run('git', ['--git-dir', server.context.services.git.directory(rowId(projectId)), ...args])).stdout.trim()

it('a commit that was decided and not made is settled by the next process that starts', async () => {
  const projectId = await preparedProject()
  const diff = await decided(projectId)
  expect(await git(projectId, 'rev-parse', 'main')).toBe(diff.baseCommit)
  await execute(
    `update outbox set created_at = now() - interval '1 hour', published_at = now() where job = 'settle-commit'`,
  )
  await using _next = await startTestServer({
    databaseUrl: server.config.databaseUrl ?? '',
    dataDir: server.config.dataDir,
    overrides: { patience: impatient },
  })
  await server.event('DiffChanged', (body) => body.diffId === rowId(diff.id) && body.status === 'COMMITTED')
  expect(await git(projectId, 'rev-parse', 'main')).toBe(
    await value('select commit_oid from diff where id = ?', rowId(diff.id)),
  )
  expect(await git(projectId, 'rev-parse', 'main^')).toBe(diff.baseCommit)
})

it('and goes back to review when the branch had moved meanwhile, which stays where it is', async () => {
  const projectId = await preparedProject()
  const diff = await decided(projectId)
  const foreign = await git(
    projectId,
    '-c',
    'user.name=x',
    '-c',
    'user.email=x@x.invalid',
    'commit-tree',
    '-m',
    'by hand',
    '-p',
    diff.baseCommit,
    `${diff.baseCommit}^{tree}`,
  )
  await git(projectId, 'update-ref', 'refs/heads/main', foreign, diff.baseCommit)
  await execute(
    `update outbox set created_at = now() - interval '1 hour', published_at = now() where job = 'settle-commit'`,
  )
  await using _next = await startTestServer({
    databaseUrl: server.config.databaseUrl ?? '',
    dataDir: server.config.dataDir,
    overrides: { patience: impatient },
  })
  await server.event('DiffChanged', (body) => body.diffId === rowId(diff.id) && body.status === 'HUMAN_REVIEWING')
  expect(await git(projectId, 'rev-parse', 'main')).toBe(foreign)
})
