import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaseOn } from '../../src/domain/lease/lease.ts'
import { playedSprint } from '../factories/agents.ts'
import { mutate } from '../factories/api.ts'
import { createCast, inTurns, says, writes } from '../factories/cast.ts'
import { sqlOf } from '../factories/gate.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { startedRun } from '../factories/runs.ts'
import { cancelTestRun, shownTestRun, testCase, testDiff } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const skipReason = await reasonToSkip()
const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions, retry: { baseDelayMs: 1 } } })
})
afterAll(() => server[Symbol.asyncDispose]())

/** Sleeps for a time that no other process on the machine sleeps for. */
const sleeps = () => ['sleep', `600.${randomInt(1e9)}`]
const coder = inTurns(writes('made.py', 'print("made")\n'), says('Write made.py'))

const changed = (testRunId: string, status: string) =>
  server.event('TestRunChanged', (body) => body.testRunId === testRunId && body.status === status)

/** The test run of a run's only candidate, once its quick test has ended and the other one is under way. */
const ofCandidate = async () => {
  const projectId = await readyProject(server)
  await testCase(server, projectId, { name: 'ended', command: ['true'] })
  await testCase(server, projectId, { name: 'runs', command: sleeps(), timeoutMs: 60_000 })
  const task = cast.task('Be canceled while you are tested.', { coder })
  const runId = await startedRun(server, projectId, task, { subagents: [{ provider: 'OPENAI', label: 'only' }] })
  const query = 'select id::text from test_run where project_id = $1 and passed = 1'
  const started = async () => (await sqlOf(server, query, [rowId(projectId)]))[0]?.id as string | undefined
  let testRunId = await started()
  for (; testRunId === undefined; testRunId = await started());
  return { runId, testRunId, id: Buffer.from(`TestRun:${testRunId}`).toString('base64') }
}

describe.skipIf(skipReason !== null)(
  `a test run that is canceled${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  () => {
    it('with the run that it belongs to, tells so and skips what has not ended', async () => {
      const { runId, testRunId, id } = await ofCandidate()
      expect(await mutate(server, 'cancelRun', { id: runId })).toMatchObject({ __typename: 'AgentRun' })
      expect(await shownTestRun(server, id)).toMatchObject({
        status: 'CANCELED',
        passed: 1,
        failed: 0,
        results: [
          { name: 'ended', status: 'PASSED' },
          { name: 'runs', status: 'SKIPPED', error: expect.stringContaining('canceled') },
        ],
      })
      expect((await changed(testRunId, 'CANCELED')).body).toMatchObject({ finished: 2, total: 2 })
    })

    it('stays as it ended, when it ended while the run was being canceled', async () => {
      const { runId, testRunId, id } = await ofCandidate()
      const em = server.context.services.em()
      const canceling = await em.transactional(async (tx) => {
        // As the one who runs the tests writes their end: under its lease.
        await tx.execute('select 1 from lease where resource = ? for update', [leaseOn('test-run', testRunId)])
        await tx.execute(`update test_run set status = 'PASSED' where id = ?`, [testRunId])
        const answer = mutate(server, 'cancelRun', { id: runId })
        const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into "lease"%'
        and datname = current_database()`
        while ((await em.fork().execute(waiting)).length === 0);
        return { answer }
      })
      expect(await canceling.answer).toMatchObject({ __typename: 'AgentRun' })
      expect(await shownTestRun(server, id)).toMatchObject({ status: 'PASSED' })
    })

    it('tells so to who follows the sprint that its diff is of', async () => {
      const { projectId, id: sprintId, ...sprint } = await playedSprint(server, cast.task('Be a sprint.', { coder }))
      await testCase(server, projectId, { name: 'runs', command: sleeps(), timeoutMs: 60_000 })
      const { id } = await testDiff(server, sprint.diff.id)
      expect((await changed(rowId(id), 'QUEUED')).sprintId).toBe(rowId(sprintId))
      expect(await cancelTestRun(server, id)).toMatchObject({ status: 'CANCELED' })
      expect((await changed(rowId(id), 'CANCELED')).sprintId).toBe(rowId(sprintId))
    })
  },
)
