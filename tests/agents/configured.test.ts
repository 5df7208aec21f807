import { expect, it } from 'vitest'
import { startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { askedSpec, interviewedSpec, playedSprint, settledInterview, testedProject } from '../factories/agents.ts'
import { asks, createCast } from '../factories/cast.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const create = `mutation ($input: CreateSpecInput!) { createSpec(input: $input) {
  __typename ... on Spec { interview { mode status } } ... on ValidationError { message }
} }`

it('one provider with an address of its own is a real one, and works alone', async () => {
  await using stack = new AsyncDisposableStack()
  const cast = createCast()
  const elsewhere = await startRehearsal(cast.rehearsalOptions)
  stack.defer(() => elsewhere.close())
  const server = stack.use(
    await startTestServer({ env: { OPENAI_BASE_URL: elsewhere.openaiBaseUrl, REHEARSAL: 'never' } }),
  )
  const projectId = await testedProject(server)
  const task = cast.task('Alone.', { interviewer: () => asks('size') })
  const id = await askedSpec(server, projectId, task, { mode: 'DUAL_SUBAGENT' })
  expect((await interviewedSpec(server, id, settledInterview)).interview).toMatchObject({
    status: 'NEEDS_ANSWERS',
    mode: 'SINGLE',
    candidates: [{ provider: 'OPENAI', rehearsal: false }],
    decision: { method: 'ONLY_CANDIDATE' },
  })

  const sprint = await playedSprint(server, task, { projectId })
  expect(sprint.status).toBe('COMPLETED')
  expect(sprint.phases.map(({ runs }: never) => (runs as { candidates: object[] }[])[0]?.candidates.length)).toEqual([
    1, 1, 1,
  ])
  expect(sprint.usage).toMatchObject({ unpricedCalls: 0 })
  expect(sprint.usage.costUsd).toBeGreaterThan(0)
  const calls = await rows(server.context.services.em())
    .selectFrom('ModelCall')
    .select(['rehearsal', 'model'])
    .where('projectId', '=', rowId(projectId))
    .execute()
  expect(new Set(calls.map(({ rehearsal, model }) => `${model} ${rehearsal}`))).toEqual(new Set(['gpt-6.1-sol false']))
})

it('without any provider an interview is refused, one that waits FAILS with what to set, and a STUB is asked', async () => {
  await using stack = new AsyncDisposableStack()
  const databaseUrl = stack.use(await createTestDatabase()).url
  const dataDir = stack.use(await temporaryDirectory()).path
  const cast = createCast()
  const overrides = { rehearsalOptions: cast.rehearsalOptions }
  let projectId: string
  let waiting: string
  {
    // Nobody interviews here, so that the interview is still to be done when the keys are gone.
    await using before: TestServer = await startTestServer({
      databaseUrl,
      dataDir,
      overrides,
      pools: { maintenance: 1 },
    })
    projectId = await readyProject(before)
    waiting = await askedSpec(before, projectId, cast.task('Wait.'))
  }
  await using after = await startTestServer({ databaseUrl, dataDir, env: { REHEARSAL: 'never' } })
  const { interview } = await interviewedSpec(after, waiting, ['FAILED'])
  expect(interview).toMatchObject({ status: 'FAILED', candidates: [] })
  expect(interview.failure).toContain('set OPENAI_API_KEY or ANTHROPIC_API_KEY')
  const input = { projectId, task: 'Anything.' }
  const { createSpec: refused } = await after.query(create, { input })
  expect(refused).toMatchObject({
    __typename: 'ValidationError',
    message: expect.stringContaining('no provider is configured'),
  })
  const { createSpec: stub } = await after.query(create, { input: { ...input, mode: 'STUB' } })
  expect(stub).toMatchObject({ interview: { mode: 'STUB', status: 'NEEDS_ANSWERS' } })
})
