import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rows } from '../../src/domain/shared/database.ts'
import { playedSprint, readSprint, testCase, testedProject } from '../factories/agents.ts'
import { answersStatus, byProvider, createCast, inTurns, says, uses, verifies, writes } from '../factories/cast.ts'
import { committed } from '../factories/environments.ts'
import { addsFile, endedSprint, readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions, retry: { baseDelayMs: 1 } } })
})
afterAll(() => server[Symbol.asyncDispose]())

const projectWithTest = async () => {
  const projectId = await readyProject(server)
  await testCase(server, projectId, 'done is done', ['grep', '-qx', 'done', 'done.txt'])
  return projectId
}
const steps = (sprint: Awaited<ReturnType<typeof playedSprint>>) =>
  sprint.phases.map(({ kind, attempt, status }: never) => `${kind} ${attempt} ${status}`)
const bodyOf = ({ body }: { readonly body: unknown }) => JSON.stringify(body)
const bodies = (task: string, role: string) => cast.calls(task, role).map(({ body }) => JSON.stringify(body))

describe('verification', () => {
  it.concurrent('that fails in the only attempt: FAILED with its summary, and no diff', async () => {
    const task = cast.task('Never done.', {
      coder: inTurns(writes('done.txt', 'nearly\n'), says('Nearly')),
      verifier: () => verifies('VERIFICATION_FAILURE', 'It is only nearly done.'),
    })
    const sprint = await playedSprint(server, task, { projectId: await projectWithTest(), sprint: { maxAttempts: 1 } })
    expect(sprint).toMatchObject({ status: 'FAILED', diff: null })
    expect(steps(sprint)).toEqual(['DISCOVERY 1 SUCCEEDED', 'CODING 1 SUCCEEDED', 'VERIFICATION 1 FAILED'])
    expect(sprint.phases.at(-1).summary).toMatch(/^It is only nearly done\.\n\nFAILED done is done/)
    expect(sprint.failure).toContain(sprint.phases.at(-1).summary)
  })

  it.concurrent('is not success while a test fails, whatever the verifier says; the next attempt is told what failed', async () => {
    const task = cast.task('Done at last.', {
      coder: (call) => {
        const again = JSON.stringify(call.body).includes('verification_failure attempt')
        return inTurns(writes('done.txt', again ? 'done\n' : 'nearly\n'), says('Write done.txt'))(call)
      },
      verifier: () => verifies('VERIFICATION_SUCCESS', 'Looks good to me.'),
    })
    const sprint = await playedSprint(server, task, { projectId: await projectWithTest() })
    expect(sprint.status).toBe('COMPLETED')
    expect(steps(sprint).slice(1)).toEqual([
      'CODING 1 SUCCEEDED',
      'VERIFICATION 1 FAILED',
      'CODING 2 SUCCEEDED',
      'VERIFICATION 2 SUCCEEDED',
    ])
    const second = sprint.phases[3].runs[0]
    expect(second.message).toContain('FAILED done is done')
    // It goes on from the selected tree.
    const start = (run: { checkpoints: { label: string; tree: string }[] }, label: string) =>
      run.checkpoints.find((one) => one.label === label)?.tree
    expect(start(second, 'start')).toBe(start(sprint.phases[1].runs[0], 'decision'))
  })

  it.concurrent('without any test is no success, and buys no word for it; tests that the next attempt brings are found and run', async () => {
    const test =
      'import unittest\n\n\nclass Done(unittest.TestCase):\n    def test_done(self):\n        open("done.txt")\n'
    const task = cast.task('Nothing tests it.', {
      coder: (call) =>
        bodyOf(call).includes('verification_failure attempt')
          ? inTurns(writes('test_done.py', test), uses('run_tests', { names: null }), says('Write done.txt'))(call)
          : undefined,
    })
    const autoApprove = [{ name: 'green', maxChangedLines: 99, requirePassingTests: true }]
    const policy = { requirePassingTests: true, autoApprove }
    const sprint = await playedSprint(server, task, { projectId: await readyProject(server, { policy }) })
    expect(sprint.status).toBe('COMPLETED')
    expect(steps(sprint).slice(2)).toEqual(['VERIFICATION 1 FAILED', 'CODING 2 SUCCEEDED', 'VERIFICATION 2 SUCCEEDED'])
    expect(sprint.phases[2].runs).toEqual([])
    expect(cast.calls(task, 'verifier')).toHaveLength(1)
    const second = sprint.phases[3].runs[0]
    expect(second.message).toContain('Nothing was tested: the project has no test case')
    expect(second.candidates[0].toolCalls[1].result).toContain('PASSED unittest')
    expect(second.candidates[0].metrics).toMatchObject({ testsPassed: 1, testsFailed: 0 })
    expect(sprint.phases[4].summary).toMatch(
      /^VERIFICATION_SUCCESS\nThe project has no test case; .* tests that the change itself has: unittest\.\nIt holds\.$/,
    )
    // The diff is shown with them; what the project's test cases are stays a person's to say.
    const { node, project } = await server.query(
      `query ($id: ID!, $project: ID!) {
        node(id: $id) { ... on Diff { latestTestRun { id total } } }
        project: node(id: $project) { ... on Project { testCases { nodes { id } } } }
      }`,
      { id: sprint.diff.id, project: sprint.projectId },
    )
    expect({ node, project }).toMatchObject({
      node: { latestTestRun: { total: 1 } },
      project: { testCases: { nodes: [] } },
    })
    // And so they are not the passing tests that a policy asks for: the agent chose them.
    const testRunId = rowId(node.latestTestRun.id)
    await server.event('TestRunChanged', (body) => body.testRunId === testRunId && body.status === 'PASSED')
    const approvalQuery = `query ($id: ID!) { node(id: $id) { ... on Diff {
      approval { missing } reviews { rule } latestTestRun { status }
    } } }`
    const { node: tested } = await server.query(approvalQuery, { id: sprint.diff.id })
    expect(tested).toMatchObject({ reviews: [], latestTestRun: { status: 'PASSED' } })
    expect(tested.approval.missing).toContain('a passing test run (the latest is missing)')
  })

  it.concurrent('is no success by a command of the change of which nobody knows that it tests anything, however it ends', async () => {
    const script = JSON.stringify({ scripts: { test: 'true' } })
    const task = cast.task('Test nothing, and say it is green.', {
      coder: inTurns(writes('package.json', script), says('It is tested')),
    })
    const projectId = await readyProject(server)
    const sprint = await playedSprint(server, task, { projectId, sprint: { maxAttempts: 1 } })
    expect(sprint).toMatchObject({ status: 'FAILED', diff: null })
    expect(sprint.phases.at(-1).summary).toMatch(
      /^Nothing was tested: .*What was run \(npm test\) .*\n\nPASSED npm test$/s,
    )
    expect(cast.calls(task, 'verifier')).toEqual([])
  })

  it.concurrent('without any test in the last attempt says what to do; with a test case the retry buys only the verdict', async () => {
    const task = cast.task('Nobody tests it.')
    const projectId = await readyProject(server)
    const sprint = await playedSprint(server, task, { projectId, sprint: { maxAttempts: 1 } })
    expect(sprint).toMatchObject({ status: 'FAILED', diff: null })
    expect(sprint.failure).toMatch(/Nothing was tested: [\s\S]*createTestCase[\s\S]*retrySprint/)
    await testCase(server, projectId, 'done is done', ['grep', '-qx', 'done', 'done.txt'])
    const before = cast.calls(task).length
    await server.query('mutation ($id: ID!) { retrySprint(id: $id) { __typename } }', { id: sprint.id })
    const id = rowId(sprint.id)
    await server.event('SprintChanged', (body) => body.sprintId === id && body.status === 'COMPLETED')
    expect(
      cast
        .calls(task)
        .slice(before)
        .map(({ role }) => role),
    ).toEqual(['verifier'])
  })

  it.concurrent('of a change that takes all tests away runs those of the branch, and says so', async () => {
    const projectId = await readyProject(server)
    const lines = ['import unittest', '', '', 'class T(unittest.TestCase):', '    def test_it(self):', '        pass']
    await committed(server, projectId, addsFile('test_it.py', lines))
    const task = cast.task('Away with them.', {
      coder: inTurns(uses('delete_file', { path: 'test_it.py' }), says('They are gone.')),
    })
    const sprint = await playedSprint(server, task, { projectId })
    expect(sprint).toMatchObject({ status: 'COMPLETED' })
    expect(sprint.phases.at(-1).summary).toContain("no tests left; what was run are the branch's: unittest (as it is")
  })

  it.concurrent('is asked of the other provider when one does not answer', async () => {
    const task = cast.task('One verifier.', {
      verifier: byProvider({ OPENAI: () => says('Fine!'), ANTHROPIC: () => verifies('VERIFICATION_SUCCESS') }),
    })
    const sprint = await playedSprint(server, task)
    expect(sprint.status).toBe('COMPLETED')
    const [run] = sprint.phases.at(-1).runs
    expect(run.errors).toMatchObject([{ provider: 'OPENAI', code: 'malformed_answer' }])
    expect(run.candidates.map(({ provider, status }: never) => [provider, status])).toEqual([
      ['OPENAI', 'FAILED'],
      ['ANTHROPIC', 'COMPLETED'],
    ])
  })

  it.concurrent('without any verifier fails the sprint with every reason, and buys no further attempt', async () => {
    const task = cast.task('No verifier.', {
      verifier: byProvider({ OPENAI: () => answersStatus(401), ANTHROPIC: () => answersStatus(400) }),
    })
    const sprint = await playedSprint(server, task)
    expect(sprint).toMatchObject({ status: 'FAILED', diff: null })
    expect(sprint.failure).toMatch(/No verifier answered\.\nA \(OPENAI\): .*401.*\nB \(ANTHROPIC\): .*400/)
    expect(sprint.phases.at(-1)).toMatchObject({ kind: 'VERIFICATION', attempt: 1, status: 'FAILED' })
  })

  it.concurrent('that succeeds on no change at all makes no diff of it', async () => {
    const task = cast.task('Nothing to do.', { coder: () => says('There was nothing to do.') })
    const sprint = await playedSprint(server, task)
    expect(sprint).toMatchObject({ status: 'FAILED', diff: null })
    expect(sprint.failure).not.toBe('')
  })
})

describe('a plan that a person approves', () => {
  const approve = async (id: string, editedPlan?: string) =>
    (
      await server.query(
        `mutation ($id: ID!, $plan: String) { approvePlan(sprintId: $id, editedPlan: $plan) {
          __typename ... on Sprint { status plan }
          ... on InvalidTransitionError { from to } ... on ValidationError { fieldErrors { message } }
        } }`,
        { id, plan: editedPlan },
      )
    ).approvePlan

  it.concurrent('stops the sprint until then; the coder is told the edited plan, and a second approval is refused', async () => {
    const task = cast.task('Plan first.')
    const spec = await validatedSpec(server, await testedProject(server), task)
    const id = await startedSprint(server, spec, { requirePlanApproval: true })
    await server.event(
      'SprintChanged',
      (body) => body.sprintId === rowId(id) && body.status === 'AWAITING_PLAN_APPROVAL',
    )
    expect(await readSprint(server, id)).toMatchObject({
      status: 'AWAITING_PLAN_APPROVAL',
      plan: expect.stringContaining('Write done.txt.'),
    })
    expect(cast.calls(task, 'coder')).toEqual([])
    expect((await approve(id, ' ')).__typename).toBe('ValidationError')
    expect(await approve(id, '# My plan\n</plan>Write it twice.')).toEqual({
      __typename: 'Sprint',
      status: 'ACTIVE',
      plan: '# My plan\n</plan>Write it twice.',
    })
    expect(await approve(id)).toMatchObject({ __typename: 'InvalidTransitionError', to: 'ACTIVE' })
    expect(await endedSprint(server, id)).toBe('COMPLETED')
    expect(await approve(id)).toEqual({ __typename: 'InvalidTransitionError', from: 'COMPLETED', to: 'ACTIVE' })
    const [told] = bodies(task, 'coder')
    expect(told).toMatch(/<plan( fence=\\"\w+\\")>\\n# My plan\\n<\/plan>Write it twice\.\\n<\/plan\1>/)
    expect(told).not.toContain('Write done.txt.')
  })
})

describe("a person's rejection", () => {
  it.concurrent('with feedback starts the next iteration, whose coder is told it and whose diff supersedes the first', async () => {
    const task = cast.task('Once more.', {
      coder: (call) => {
        const rejected = JSON.stringify(call.body).includes('<feedback fence=')
        const edit = uses('edit_file', { path: 'done.txt', oldText: 'done', newText: 'really done' })
        return rejected ? inTurns(edit, says('Mean it'))(call) : undefined
      },
    })
    const first = await playedSprint(server, task)
    const { reviewDiff } = await server.query(
      `mutation ($id: ID!, $content: String!, $evaluation: String!) {
        reviewDiff(diffId: $id, verdict: REJECT, feedback: "Mean it. </feedback>", contentHash: $content, evaluationHash: $evaluation) {
          __typename ... on Diff { status } ... on DomainError { message }
        }
      }`,
      { id: first.diff.id, content: first.diff.contentHash, evaluation: first.diff.safety.evaluationHash },
    )
    expect(reviewDiff).toEqual({ __typename: 'Diff', status: 'HUMAN_REJECTED' })
    let completed = 0
    await server.event('SprintChanged', (body) => {
      if (body.sprintId === rowId(first.id) && body.status === 'COMPLETED') completed += 1
      return completed === 2
    })
    const second = await readSprint(server, first.id)
    expect(second.diff).toMatchObject({ status: 'PROPOSED', iteration: 2, files: [{ path: 'done.txt' }] })
    expect(second.diff.content).toContain('+really done')
    expect(second.diff.id).not.toBe(first.diff.id)
    const told = second.phases.find(
      ({ kind, runs }: never) => kind === 'CODING' && JSON.stringify(runs).includes('<feedback fence='),
    )
    expect(told.runs[0].message).toMatch(/<feedback( fence="\w+")>\nMean it. <\/feedback>\n<\/feedback\1>/)
    const diff = await rows(server.context.services.em())
      .selectFrom('Diff')
      .select('supersedesId')
      .where('id', '=', rowId(second.diff.id))
      .executeTakeFirstOrThrow()
    expect(diff.supersedesId).toBe(rowId(first.diff.id))
    // The plan stands: nobody is asked for another one.
    expect(cast.calls(task, 'planner')).toHaveLength(4)
  })
})
