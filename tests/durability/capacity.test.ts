import { afterAll, beforeAll, expect, it } from 'vitest'
import { handlers } from '../../src/workers/handlers.ts'
import { everythingStored, made, mutate, stubSpec } from '../factories/api.ts'
import { propose, proposed, sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { checkpointOf, readRun, startedRun } from '../factories/runs.ts'
import { createdSession } from '../factories/sessions.ts'
import { testCase } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** Makes repositories, and does nothing that is asked for then. */
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    pools: { maintenance: 1 },
    env: { MAX_OPEN_WORK_PER_PROJECT: '3', MAX_OPEN_WORK: '5' },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const createSpec = (projectId: string, input: object = {}) =>
  mutate(server, 'createSpec', { input: { projectId, task: 'Do it.', ...input } })

/** How many rows there are of what is asked for. */
const stored = async () => {
  const { counts } = await everythingStored(server)
  const tables = ['project', 'spec', 'sprint', 'agent_run', 'candidate', 'session_turn', 'message', 'diff', 'test_run']
  return Object.fromEntries([...tables, 'budget', 'event'].map((table) => [table, counts[table]]))
}

const plannedSprint = async (projectId: string): Promise<string> => {
  const specId = await stubSpec(server, projectId)
  await sqlOf(server, `update spec set status = 'VALIDATED', interview_status = 'ANSWERED' where id = $1`, [
    rowId(specId),
  ])
  return made(server, 'createSprint', { input: { specId, name: 'a sprint' } })
}

it('over the limit new work is refused, whoever asks and however many at once; what was accepted goes on', async () => {
  const [projectId, otherId] = [await readyProject(server), await readyProject(server)]
  // Nothing of this is work.
  const sprintId = await plannedSprint(projectId)
  const failedSprintId = await plannedSprint(projectId)
  await sqlOf(server, `update sprint set status = 'FAILED' where id = $1`, [rowId(failedSprintId)])
  const failedSpecId = await stubSpec(server, projectId)
  await sqlOf(server, `update spec set interview_status = 'FAILED' where id = $1`, [rowId(failedSpecId)])
  const sessionId = await createdSession(server, projectId)
  const diff = await proposed(server, projectId, { content: addsFile('note.txt', ['A note.']) })
  await testCase(server, projectId, { command: ['true'] })

  const runId = await startedRun(server, projectId, 'Do it.')
  const checkpointId = checkpointOf(await readRun(server, runId), 'start')
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => createSpec(projectId, { clientMutationId: `spec ${index}` })),
  )
  const accepted = answers.filter(({ __typename }) => __typename === 'Spec')
  expect(accepted).toHaveLength(2)
  const refused = {
    __typename: 'CapacityError',
    code: 'CAPACITY',
    message: expect.stringMatching(/^The project has 3 pieces .* MAX_OPEN_WORK_PER_PROJECT /),
    // Nothing has ended yet that would say how long it takes.
    retryAfterSeconds: null,
  }
  expect(answers.filter((answer) => !accepted.includes(answer))).toEqual(Array.from({ length: 10 }, () => refused))

  const before = await stored()
  const more = { projectId, message: 'Do it.' }
  expect(await mutate(server, 'retryInterview', { specId: failedSpecId })).toEqual(refused)
  expect(await mutate(server, 'startSprint', { id: sprintId })).toEqual(refused)
  expect(await mutate(server, 'retrySprint', { id: failedSprintId })).toEqual(refused)
  expect(await mutate(server, 'startRun', { input: more })).toEqual(refused)
  expect(await mutate(server, 'forkRun', { input: { checkpointId, label: 'a fork' } })).toEqual(refused)
  expect(await mutate(server, 'sendMessage', { sessionId, text: 'Do it.' })).toEqual(refused)
  expect(await mutate(server, 'testDiff', { diffId: diff.id })).toEqual(refused)
  expect(await propose(server, projectId, { content: addsFile('other.txt', ['A note.']) })).toMatchObject({
    __typename: 'CapacityError',
  })
  expect(await stored()).toEqual(before)

  // Asked again, an accepted request is answered as before; what makes no work is taken.
  const again = answers.findIndex(({ __typename }) => __typename === 'Spec')
  expect(await createSpec(projectId, { clientMutationId: `spec ${again}` })).toEqual(answers[again])
  await stubSpec(server, projectId)
  await createdSession(server, projectId)

  // Other projects have room until there is none in all.
  expect(await createSpec(otherId)).toMatchObject({ __typename: 'Spec' })
  expect(await createSpec(otherId)).toMatchObject({ __typename: 'Spec' })
  const full = { ...refused, message: expect.stringMatching(/^This server has 5 pieces .* MAX_OPEN_WORK /) }
  expect(await createSpec(otherId)).toEqual(full)
  expect(await mutate(server, 'createProject', { input: { name: 'one more', source: { empty: true } } })).toEqual(full)

  // An interview that was accepted is held over the limit, and makes room when it has ended.
  const interview = handlers.find(({ job }) => job.name === 'run-interview')
  await interview?.handle(
    server.context.services,
    { specId: rowId(String(accepted[0]?.id)) },
    new AbortController().signal,
  )
  expect(await mutate(server, 'startSprint', { id: sprintId })).toMatchObject({ __typename: 'Sprint' })
  const { retryAfterSeconds, ...rest } = await createSpec(projectId)
  expect(rest).toMatchObject({ __typename: 'CapacityError' })
  expect(retryAfterSeconds).toBeGreaterThanOrEqual(1)
  expect(retryAfterSeconds).toBeLessThanOrEqual(600)
})
