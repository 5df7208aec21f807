import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCandidate } from '../../src/domain/run/run-candidate.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { runInterview } from '../../src/domain/spec/run-interview.ts'
import { advanceSprint } from '../../src/domain/sprint/advance-sprint.ts'
import { playedSprint, testedProject } from '../factories/agents.ts'
import { answersStatus, asks, createCast } from '../factories/cast.ts'
import { rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const price = { inputPerMillionUsd: 1.1, cachedInputPerMillionUsd: 0.3, outputPerMillionUsd: 7.7 }
const stack = new AsyncDisposableStack()
const cast = createCast()
let server: TestServer
beforeAll(async () => {
  const { path } = stack.use(await temporaryDirectory())
  const file = join(path, 'prices.json')
  const list = (provider: string, model: string) => ({
    provider,
    source: 'the test',
    date: '2026-01-01',
    models: { [model]: price },
  })
  await writeFile(file, JSON.stringify([list('OPENAI', 'rehearsal-openai'), list('ANTHROPIC', 'rehearsal-anthropic')]))
  server = stack.use(
    await startTestServer({
      env: { MODEL_PRICES: file },
      overrides: { rehearsalOptions: cast.rehearsalOptions, retry: { baseDelayMs: 1 } },
    }),
  )
})
afterAll(() => stack.disposeAsync())

const db = () => rows(server.context.services.em())
const callsOf = (projectId: string) =>
  db().selectFrom('ModelCall').selectAll().where('projectId', '=', rowId(projectId)).orderBy('startedAt').execute()

it('every call is recorded and reserved before it is sent, told in full afterwards, and never bought twice', async () => {
  const projectId = await testedProject(server)
  const whenSent: unknown[] = []
  let refused = 0
  const task = cast.task('Count the calls.', {
    interviewer: () => asks('size'),
    'interview judge': () => asks(),
    coder: async ({ provider, turn }) => {
      if (turn > 0) return undefined
      const sent = await db()
        .selectFrom('ModelCall')
        .select(['reservedTokens', 'reservedCostUsd', 'traceId', 'answer'])
        .where('projectId', '=', rowId(projectId))
        .where('provider', '=', provider)
        .where('agent', '=', 'coder')
        .where('status', '=', 'SENT')
        .execute()
      whenSent.push(...sent)
      return provider === 'OPENAI' && refused++ === 0 ? answersStatus(500) : undefined
    },
  })
  const sprint = await playedSprint(server, task, { projectId })
  expect(sprint.status).toBe('COMPLETED')

  // One for each of the two coders, and one more for the retry, which is the same call.
  expect(whenSent).toHaveLength(3)
  for (const sent of whenSent) {
    expect(sent).toMatchObject({ traceId: null, answer: null })
    expect((sent as { reservedTokens: number }).reservedTokens).toBeGreaterThan(16_000)
    expect((sent as { reservedCostUsd: number }).reservedCostUsd).toBeGreaterThan(0.1)
  }

  const stored = await callsOf(projectId)
  expect(stored.length).toBe(cast.calls(task).length - 1)
  expect(new Set(stored.map(({ scope, sequence }) => `${scope} ${sequence}`)).size).toBe(stored.length)
  for (const call of stored) {
    expect(call).toMatchObject({ status: 'ANSWERED', rehearsal: true, failure: null })
    expect(call.inputTokens).toBeGreaterThan(0)
    expect(call.outputTokens).toBeGreaterThan(0)
    expect(call.reservedTokens).toBeGreaterThan(call.inputTokens + call.outputTokens)
    expect(call.finishedAt?.getTime()).toBeGreaterThanOrEqual(call.startedAt.getTime())
    expect(JSON.stringify(call.answer?.raw)).toMatch(/"(resp|msg)_[0-9a-f]+"/)
  }

  const sum = (of: (call: (typeof stored)[number]) => number) => stored.reduce((all, call) => all + of(call), 0)
  const { node: project } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Project { usage {
      calls inputTokens outputTokens costUsd unpricedCalls byAgent { agent calls costUsd inputTokens }
    } } } }`,
    { id: projectId },
  )
  const { usage } = project
  expect(usage).toMatchObject({
    calls: stored.length,
    inputTokens: sum((call) => call.inputTokens),
    outputTokens: sum((call) => call.outputTokens),
    unpricedCalls: 0,
  })
  expect(usage.costUsd).toBeCloseTo(
    sum((call) => call.costUsd ?? 0),
    9,
  )
  const ofAgents = (of: 'calls' | 'costUsd' | 'inputTokens') =>
    usage.byAgent.reduce((all: number, agent: Record<string, number>) => all + (agent[of] ?? 0), 0)
  expect(ofAgents('calls')).toBe(usage.calls)
  expect(ofAgents('inputTokens')).toBe(usage.inputTokens)
  expect(ofAgents('costUsd')).toBeCloseTo(usage.costUsd, 9)
  expect(usage.costUsd).toBeGreaterThan(
    ((usage.inputTokens - sum((call) => call.cachedInputTokens)) * price.inputPerMillionUsd) / 1e6,
  )

  const budgets = await db()
    .selectFrom('Budget')
    .innerJoin('Project', 'Project.budgetId', 'Budget.id')
    .select(['spentTokens', 'spentCostUsd', 'reservedTokens', 'reservedCostUsd'])
    .where('Project.id', '=', rowId(projectId))
    .executeTakeFirstOrThrow()
  expect(budgets).toMatchObject({
    spentTokens: usage.inputTokens + usage.outputTokens,
    reservedTokens: 0,
    reservedCostUsd: 0,
  })
  expect(budgets.spentCostUsd).toBeCloseTo(usage.costUsd, 6)

  const before = cast.calls(task).length
  const { services } = server.context
  const stop = new AbortController().signal
  const { specId } = await db()
    .selectFrom('Sprint')
    .select('specId')
    .where('id', '=', rowId(sprint.id))
    .executeTakeFirstOrThrow()
  await runInterview(services, specId, stop)
  await advanceSprint(services, rowId(sprint.id), stop)
  for (const { id } of sprint.phases.flatMap(({ runs }: never) =>
    (runs as { candidates: { id: string }[] }[]).flatMap(({ candidates }) => candidates),
  )) {
    await runCandidate(services, rowId(id), stop)
  }
  expect(cast.calls(task)).toHaveLength(before)
  expect(await callsOf(projectId)).toHaveLength(stored.length)
})

it('a candidate that lost its results, but not its record, does its work again without a call', async () => {
  const task = cast.task('Play it back.')
  const sprint = await playedSprint(server, task)
  const before = cast.calls(task).length
  const [candidate] = sprint.phases[1].runs[0].candidates
  const id = rowId(candidate.id)
  // As a kill leaves it: the turns are stored, the end is not.
  await db()
    .deleteFrom('Checkpoint')
    .where('label', '!=', 'start')
    .where('runId', '=', rowId(sprint.phases[1].runs[0].id))
    .execute()
  await db()
    .updateTable('Candidate')
    .set({ status: 'RUNNING', output: null, finishedAt: null, tree: null })
    .where('id', '=', id)
    .execute()
  await runCandidate(server.context.services, id, new AbortController().signal)
  const again = await db().selectFrom('Candidate').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  expect(again).toMatchObject({ status: 'COMPLETED', output: candidate.output, tree: candidate.tree })
  expect(cast.calls(task)).toHaveLength(before)
})
