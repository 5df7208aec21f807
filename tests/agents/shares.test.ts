import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changeLimits } from '../../src/domain/budget/change-limits.ts'
import { openBudget } from '../../src/domain/budget/open-budget.ts'
import { openShares, roomIn, shareAgain } from '../../src/domain/budget/share-budget.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { createCast, createMeeting, inTurns, says, writes } from '../factories/cast.ts'
import { sqlOf } from '../factories/gate.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { checkpointOf, endedRun, forkedRun, manyCandidates, startedRun } from '../factories/runs.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ pools: manyCandidates, overrides: { rehearsalOptions: cast.rehearsalOptions } })
})
afterAll(() => server[Symbol.asyncDispose]())

const readBudget = (id: string) =>
  rows(server.context.services.em()).selectFrom('Budget').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ provider: index % 2 ? 'OPENAI' : 'ANTHROPIC' }))
const codes = (run: { errors: { code: string }[] }) => run.errors.map(({ code }) => code)
const run = async (task: string, input: object, projectId?: string) =>
  endedRun(server, await startedRun(server, projectId ?? (await readyProject(server)), task, input))

/** What the first call of a run reserves, as the refusal says it. */
const worstCase = async (words: string) => {
  const { errors } = await run(cast.task(words), { subagents: [{ provider: 'OPENAI' }], budget: { maxTokens: 1 } })
  return Number(/may use (\d+) tokens/.exec(errors[0].message)?.[1])
}

describe('the budget of a run', () => {
  it.concurrent('is shared by its candidates in equal parts: one that uses much stops, and the others have theirs', async () => {
    const worst = await worstCase('Greedy or not.')
    const share = worst + 3_000
    const task = cast.task('Greedy or not.', {
      coder: (call) => {
        if (!JSON.stringify(call.body).includes('Be greedy.')) return says('There is nothing to do.')
        return writes(`${call.turn}.txt`, 'x'.repeat(4_000))
      },
    })
    const subagents = [
      { provider: 'OPENAI', label: 'greedy', instructions: 'Be greedy.' },
      { provider: 'ANTHROPIC', label: 'b' },
      { provider: 'ANTHROPIC', label: 'c' },
      { provider: 'OPENAI', label: 'd' },
    ]
    const ended = await run(task, { subagents, budget: { maxTokens: 4 * share } })
    expect(ended.candidates.map(({ status }: never) => status)).toEqual([
      'FAILED',
      'COMPLETED',
      'COMPLETED',
      'COMPLETED',
    ])
    expect(ended.errors).toMatchObject([
      { code: 'budget_exceeded', message: expect.stringContaining(`of ${share}, `), retryable: false },
    ])
    expect(ended.candidates[0].metrics.inputTokens + ended.candidates[0].metrics.outputTokens).toBeLessThanOrEqual(
      share,
    )
    // What the greedy one had made until then is kept.
    expect(ended.candidates[0].patch).toContain('0.txt')
    expect(ended.budget).toMatchObject({ reservedTokens: 0, spentTokens: ended.usage.totalTokens })
    expect(ended.status).toBe('COMPLETED')
  })

  it.concurrent('that stopped a run is raised by a fork, which buys only what was missing', async () => {
    const worst = await worstCase('Short of money.')
    const task = cast.task('Short of money.', { coder: inTurns(writes('done.txt', 'done\n'), says('Write done.txt')) })
    const subagents = [{ provider: 'OPENAI', label: 'one' }]
    const stopped = await run(task, { subagents, budget: { maxTokens: worst + 10 } })
    expect(stopped).toMatchObject({ status: 'FAILED', candidates: [{ toolCalls: [{ name: 'write_file' }] }] })
    expect(codes(stopped)).toEqual(['budget_exceeded'])
    expect(stopped.failure).toContain(stopped.errors[0].message)
    expect(cast.calls(task)).toHaveLength(1)
    const input = { budget: { maxTokens: 10 * worst } }
    const resumed = await endedRun(server, await forkedRun(server, checkpointOf(stopped, 'start'), input))
    expect(resumed.candidates).toMatchObject([{ status: 'COMPLETED', metrics: { turns: 2, replayedTurns: 1 } }])
    expect(cast.calls(task)).toHaveLength(2)
    expect(resumed.usage.calls).toBe(1)
    expect(resumed.budget.spentTokens).toBe(resumed.usage.totalTokens)
  })
})

describe('the budget of a project', () => {
  it.concurrent('is not overshot by eight candidates who ask at the same moment', async () => {
    const worst = await worstCase('All at once!')
    const room = 3 * (worst + 1_000)
    const projectId = await readyProject(server, { budget: { maxTokens: room } })
    const arrived = createMeeting(3)
    const failed = Promise.withResolvers<void>()
    const task = cast.task('All at once!', {
      coder: async () => {
        await arrived()
        // Nobody is answered, and so settled, before the others have been refused.
        await failed.promise
        return says('There is nothing to do.')
      },
    })
    const id = await startedRun(server, projectId, task, { subagents: many(8) })
    const failures = `select count(*)::int as count from candidate where run_id = $1 and status = 'FAILED'`
    await expect.poll(() => sqlOf(server, failures, [rowId(id)]), { timeout: 30_000 }).toEqual([{ count: 5 }])
    failed.resolve()
    const ended = await endedRun(server, id)
    expect(cast.calls(task, 'coder')).toHaveLength(3)
    expect(codes(ended)).toEqual(Array(5).fill('budget_exceeded'))
    expect(ended.candidates.filter(({ status }: never) => status === 'COMPLETED')).toHaveLength(3)
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Project { budget { maxTokens spentTokens reservedTokens } } } }',
      { id: projectId },
    )
    expect(node.budget.spentTokens).toBeLessThanOrEqual(room)
    expect(node.budget.reservedTokens).toBe(0)
  })
})

describe('shares', () => {
  const limits = { maxCostUsd: 1, maxTokens: 1_000 }

  it.concurrent('of nothing are none, and those of a budget without limits count until it has some', async () => {
    const { services } = server.context
    expect(await transact(services, async (tx) => openShares(tx, null, 2))).toEqual([null, null])
    const { whole, shares } = await transact(services, async (tx) => ({
      whole: openBudget(tx, null),
      shares: openShares(tx, { maxCostUsd: null, maxTokens: null }, 2).map(String),
    }))
    expect(await readBudget(shares[1] ?? '')).toMatchObject({ maxCostUsd: null, maxTokens: null })
    await transact(services, (tx) => changeLimits(tx, whole, { maxTokens: 1_000 }))
    await transact(services, (tx) => shareAgain(tx, whole, shares))
    expect(await readBudget(shares[1] ?? '')).toMatchObject({ maxCostUsd: null, maxTokens: 500 })
  })

  it.concurrent('grow and shrink with the whole, and never below what was used of them', async () => {
    const { services } = server.context
    const { whole, shares } = await transact(services, async (tx) => {
      const id = openBudget(tx, limits)
      return { whole: id, shares: openShares(tx, limits, 4).map(String) }
    })
    expect(await readBudget(shares[0] ?? '')).toMatchObject({ maxCostUsd: 0.25, maxTokens: 250 })
    const change = (values: object, id: string) =>
      rows(services.em()).updateTable('Budget').set(values).where('id', '=', id).execute()
    await change({ spentTokens: 200, reservedTokens: 40 }, shares[0] ?? '')
    await change({ spentTokens: 200, reservedTokens: 40, maxTokens: 2_240, maxCostUsd: null }, whole)
    await transact(services, (tx) => shareAgain(tx, whole, shares))
    expect(await readBudget(shares[0] ?? '')).toMatchObject({ maxCostUsd: null, maxTokens: 740 })
    expect(await readBudget(shares[3] ?? '')).toMatchObject({ maxCostUsd: null, maxTokens: 500 })
    await change({ maxTokens: 100 }, whole)
    await transact(services, (tx) => shareAgain(tx, whole, shares))
    expect(await readBudget(shares[0] ?? '')).toMatchObject({ maxTokens: 240 })
    expect(await readBudget(shares[3] ?? '')).toMatchObject({ maxTokens: 0 })
    expect(roomIn(await readBudget(whole))).toEqual({ maxCostUsd: null, maxTokens: 0 })
  })
})
