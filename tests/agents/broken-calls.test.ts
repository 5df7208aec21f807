import { afterAll, beforeAll, expect, it } from 'vitest'
import { rows } from '../../src/domain/shared/database.ts'
import { playedSprint, testedProject } from '../factories/agents.ts'
import { createCast } from '../factories/cast.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    overrides: { rehearsalOptions: cast.rehearsalOptions, retry: { attempts: 3, baseDelayMs: 1 } },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const coderCalls = (projectId: string) =>
  rows(server.context.services.em())
    .selectFrom('ModelCall')
    .selectAll()
    .where('projectId', '=', rowId(projectId))
    .where('agent', '=', 'coder')
    .orderBy('startedAt')
    .execute()

const subagents = [{ provider: 'OPENAI' }]

it('a stream that breaks off counts as spent, and its second attempt is a call of its own', async () => {
  const projectId = await testedProject(server, { budget: { maxTokens: 1_000_000 } })
  let broken = 0
  const task = cast.task('Break off once.', {
    coder: ({ turn }) => (turn === 0 && broken++ === 0 ? { kind: 'cut' } : undefined),
  })
  const sprint = await playedSprint(server, task, { projectId, sprint: { subagents } })
  expect(sprint.status).toBe('COMPLETED')
  const [lost, again, ...rest] = await coderCalls(projectId)
  expect(lost).toMatchObject({ status: 'LOST', sequence: 0, failure: expect.stringContaining('broke off') })
  expect(again).toMatchObject({ status: 'ANSWERED', sequence: 0, scope: lost?.scope })
  expect(rest.map(({ status }) => status)).toEqual(['ANSWERED'])

  const all = await rows(server.context.services.em())
    .selectFrom('ModelCall')
    .select(['status', 'inputTokens', 'outputTokens', 'reservedTokens'])
    .where('projectId', '=', rowId(projectId))
    .execute()
  const spent = all.reduce(
    (sum, call) => sum + (call.status === 'LOST' ? call.reservedTokens : call.inputTokens + call.outputTokens),
    0,
  )
  const { node: project } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Project { budget { spentTokens reservedTokens } usage { calls totalTokens lostCalls lostTokens lostCostUsd byAgent { calls } } } } }',
    { id: projectId },
  )
  expect(project.budget).toEqual({ spentTokens: spent, reservedTokens: 0 })
  const { usage } = project
  expect(usage).toMatchObject({ calls: all.length - 1, lostCalls: 1, lostTokens: lost?.reservedTokens })
  expect(usage.lostCostUsd).toBeCloseTo(lost?.reservedCostUsd ?? Number.NaN, 9)
  expect(usage.byAgent.reduce((sum: number, { calls }: { calls: number }) => sum + calls, 0)).toBe(usage.calls)
  expect(usage.totalTokens + usage.lostTokens).toBe(project.budget.spentTokens)
})

it('streams that break off again and again cannot pass a budget: the call ends when there is no room for another', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Break off always.', { coder: () => ({ kind: 'cut' }) })
  // Room for the plan and for one call of the coder, which may use 16,000 tokens and what it is told.
  const sprint = await playedSprint(server, task, {
    projectId,
    sprint: { subagents, budget: { maxTokens: 30_000 } },
  })
  expect(sprint.status).toBe('FAILED')
  expect(sprint.failure).toMatch(/The next call may use \d+ tokens; of 30000/)
  expect(cast.calls(task, 'coder')).toHaveLength(1)
  expect(sprint.budget.spentTokens).toBeLessThanOrEqual(30_000)
  expect(sprint.budget.reservedTokens).toBe(0)
  expect((await coderCalls(projectId)).map(({ status }) => status)).toEqual(['LOST'])
})
