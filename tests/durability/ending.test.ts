import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { allProcesses } from '../../src/adapters/sandbox/host-processes.ts'
import { pipelineActorId } from '../../src/domain/actor/ensure-actors.ts'
import { leaseOn, withLease } from '../../src/domain/lease/lease.ts'
import { openRun } from '../../src/domain/run/open-run.ts'
import { endedSprint, readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { readProcessCommand } from '../factories/processes.ts'
import { type HeldProvider, startHeldProvider } from '../support/held-provider.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let provider: HeldProvider
let server: TestServer
beforeAll(async () => {
  provider = await startHeldProvider()
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

const execute = async (statement: string, ...parameters: unknown[]) =>
  server.context.services.em().getConnection().execute(statement, parameters)

const count = async (statement: string, ...parameters: unknown[]): Promise<number> =>
  Number((await execute(statement, ...parameters))[0]?.count)

const failureOf = async (sprintId: string): Promise<string> =>
  (await server.query('query ($id: ID!) { node(id: $id) { ... on Sprint { failure } } }', { id: sprintId })).node
    .failure

/** Whether something of this sprint is still going on, or stays reserved. */
const leftovers = async (sprintId: string) => {
  const id = rowId(sprintId)
  return {
    phases: await count(`select count(*) from phase where sprint_id = ? and status in ('PENDING', 'RUNNING')`, id),
    runs: await count(`select count(*) from agent_run where sprint_id = ? and status in ('PENDING', 'RUNNING')`, id),
    candidates: await count(
      `select count(*) from candidate join agent_run on agent_run.id = run_id
       where sprint_id = ? and candidate.status in ('PENDING', 'RUNNING')`,
      id,
    ),
    calls: await count(`select count(*) from model_call where sprint_id = ? and status = 'SENT'`, id),
    reserved: await count(
      'select reserved_tokens as count from budget where id = (select budget_id from sprint where id = ?)',
      id,
    ),
  }
}
const nothing = { phases: 0, runs: 0, candidates: 0, calls: 0, reserved: 0 }

it('a canceled sprint stops at once: its model call is aborted, its sandboxed processes die, nothing goes on', async () => {
  const projectId = await readyProject(server)
  const command = ['python3', '-c', 'import time; time.sleep(97.531)']
  await server.query(
    `mutation ($input: CreateTestCaseInput!) { createTestCase(input: $input) { __typename ... on DomainError { message } } }`,
    { input: { projectId, name: 'long', command, timeoutMs: 120_000 } },
  )
  const specId = await validatedSpec(server, projectId)
  // One coder waits for the model, the other one's tests run.
  const held = provider.hold((path, body) => path === '/v1/responses' && body.includes('run_tests'))
  const sleeping = () => allProcesses().filter(({ pid }) => readProcessCommand(pid).includes('time.sleep(97.531)'))
  const sprintId = await startedSprint(server, specId)
  const call = await held
  await expect.poll(() => sleeping().length, { timeout: 20_000 }).toBeGreaterThan(0)

  const calls = provider.calls()
  const { cancelSprint } = await server.query(
    'mutation ($id: ID!) { cancelSprint(id: $id) { __typename ... on Sprint { status } } }',
    { id: sprintId },
  )
  expect(cancelSprint).toEqual({ __typename: 'Sprint', status: 'CANCELED' })
  const canceledAt = performance.now()
  await call.closed
  expect(performance.now() - canceledAt).toBeLessThan(4_000)
  await expect.poll(() => sleeping().length, { timeout: 4_000 }).toBe(0)
  expect(await leftovers(sprintId)).toEqual(nothing)
  // Recovery has looked again and again by now.
  const looked = await count('select count(*) from outbox')
  await expect.poll(() => count('select count(*) from lease where until > now()')).toBe(0)
  expect(await count('select count(*) from outbox')).toBe(looked)
  expect(provider.calls()).toBe(calls)
  expect(await endedSprint(server, sprintId)).toBe('CANCELED')
})

it('a candidate that ended while its sprint was being canceled stays as it ended', async () => {
  const projectId = await readyProject(server)
  const specId = await validatedSpec(server, projectId)
  const held = provider.hold(() => true)
  const sprintId = await startedSprint(server, specId)
  await held
  const em = server.context.services.em()
  const running = `select candidate.id from candidate join agent_run on agent_run.id = run_id
    where sprint_id = ? and candidate.status = 'RUNNING' limit 1`
  const candidateId = String((await execute(running, rowId(sprintId)))[0]?.id)
  const canceling = await em.transactional(async (tx) => {
    // As the one who works on it writes its end: under its lease.
    await tx.execute('select 1 from lease where resource = ? for update', [leaseOn('candidate', candidateId)])
    await tx.execute(`update candidate set status = 'COMPLETED', finished_at = now() where id = ?`, [candidateId])
    const answer = server.query('mutation ($id: ID!) { cancelSprint(id: $id) { __typename } }', { id: sprintId })
    const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into "lease"%'
      and datname = current_database()`
    while ((await em.fork().execute(waiting)).length === 0);
    return { answer }
  })
  expect(await canceling.answer).toEqual({ cancelSprint: { __typename: 'Sprint' } })
  expect(await execute('select status from candidate where id = ?', candidateId)).toEqual([{ status: 'COMPLETED' }])
  expect(await leftovers(sprintId)).toEqual(nothing)
})

it('a sprint that is canceled while a worker opens its next run leaves no candidate that would be worked on', async () => {
  const { services } = server.context
  const projectId = await readyProject(server)
  const specId = await validatedSpec(server, projectId)
  const held = provider.hold(() => true)
  const sprintId = await startedSprint(server, specId)
  await held
  let canceling: Promise<unknown> | undefined
  await withLease(services, leaseOn('sprint', rowId(sprintId)), new AbortController().signal, async (lease) => {
    await lease.transact(async (tx) => {
      openRun(services, tx, {
        projectId: rowId(projectId),
        specId: null,
        sprintId: rowId(sprintId),
        phaseId: null,
        purpose: 'CODING',
        message: 'Do it.',
        role: 'coder',
        createdById: pipelineActorId,
        baseCommit: null,
        start: null,
        limits: null,
        subagents: [{ provider: 'OPENAI', model: null, label: null, instructions: null }],
        judge: null,
        note: null,
      })
      await tx.em.flush()
      canceling ??= server.query('mutation ($id: ID!) { cancelSprint(id: $id) { __typename } }', { id: sprintId })
      await expect
        .poll(() =>
          count(
            `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          ),
        )
        .toBe(1)
    })
  })
  await canceling
  expect(await endedSprint(server, sprintId)).toBe('CANCELED')
  expect(await leftovers(sprintId)).toEqual(nothing)
})

it('a sprint whose provider hangs FAILS at its deadline and says so', async () => {
  const projectId = await readyProject(server)
  const specId = await validatedSpec(server, projectId)
  const held = provider.hold(() => true)
  const sprintId = await startedSprint(server, specId, { deadlineSeconds: 1 })
  const call = await held
  expect(await endedSprint(server, sprintId)).toBe('FAILED')
  expect(await failureOf(sprintId)).toBe('The sprint did not end within its deadline of 1 seconds.')
  await call.closed
  expect(await leftovers(sprintId)).toEqual(nothing)
})

it('the deadline holds while the sprint itself waits for a verifier that does not answer', async () => {
  const projectId = await readyProject(server)
  const specId = await validatedSpec(server, projectId)
  const held = provider.hold((_path, body) => body.includes('VERIFICATION_SUCCESS'))
  const sprintId = await startedSprint(server, specId)
  const call = await held
  await execute('update sprint set deadline_at = now() where id = ?', rowId(sprintId))
  expect(await endedSprint(server, sprintId)).toBe('FAILED')
  expect(await failureOf(sprintId)).toMatch(/^The sprint did not end within its deadline/)
  await call.closed
  expect(await leftovers(sprintId)).toEqual(nothing)
})
