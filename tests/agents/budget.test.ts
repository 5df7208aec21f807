import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBudget } from '../../src/domain/budget/open-budget.ts'
import { type Amount, reserve, settle } from '../../src/domain/budget/reserve.ts'
import { BudgetExceededError } from '../../src/domain/errors.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { askedSpec, interviewedSpec, playedSprint, readSprint, settledInterview } from '../factories/agents.ts'
import { answersStatus, byProvider, createCast } from '../factories/cast.ts'
import { readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  const retry = { attempts: 2, baseDelayMs: 1 }
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions, retry } })
})
afterAll(() => server[Symbol.asyncDispose]())

const budgetWith = (limits: Parameters<typeof openBudget>[1]) =>
  transact(server.context.services, async (tx) => openBudget(tx, limits))
const read = (id: string) =>
  rows(server.context.services.em()).selectFrom('Budget').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const tryReserve = (ids: readonly string[], amount: Amount) =>
  transact(server.context.services, (tx) => reserve(tx, ids, amount)).then(
    () => 'reserved' as const,
    (error: unknown) => error,
  )
const settleAll = (ids: readonly string[], reserved: Amount, spent: Amount, times: number) =>
  Promise.all(
    Array.from({ length: times }, () => transact(server.context.services, (tx) => settle(tx, ids, reserved, spent))),
  )

describe('a budget', () => {
  it.concurrent.each([
    ['tokens', { maxTokens: 750 }, { costUsd: null, tokens: 100 }],
    ['money', { maxCostUsd: 0.75 }, { costUsd: 0.1, tokens: 100 }],
  ])('of %s is not overshot by twenty calls at the same time', async (_, limits, amount) => {
    const id = await budgetWith(limits)
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => tryReserve([id], amount)))
    expect(outcomes.filter((outcome) => outcome === 'reserved')).toHaveLength(7)
    expect(outcomes.filter((outcome) => outcome instanceof BudgetExceededError)).toHaveLength(13)
    expect((await read(id)).reservedTokens).toBe(700)
    const spent = { costUsd: amount.costUsd && 0.05, tokens: 40 }
    await settleAll([id], amount, spent, 7)
    expect(await read(id)).toMatchObject({ reservedTokens: 0, reservedCostUsd: 0, spentTokens: 280 })
    // What was given back can be reserved again, and what was spent cannot.
    const more = await Promise.all(Array.from({ length: 20 }, () => tryReserve([id], amount)))
    expect(more.filter((outcome) => outcome === 'reserved')).toHaveLength(4)
  })

  it.concurrent('is filled to the last token, and not one further', async () => {
    const id = await budgetWith({ maxTokens: 100, maxCostUsd: 0.3 })
    expect(await tryReserve([id], { costUsd: 0.1, tokens: 50 })).toBe('reserved')
    expect(await tryReserve([id], { costUsd: 0.2, tokens: 50 })).toBe('reserved')
    expect(await tryReserve([id], { costUsd: 0, tokens: 1 })).toBeInstanceOf(BudgetExceededError)
    expect(await tryReserve([id], { costUsd: 0.001, tokens: 0 })).toBeInstanceOf(BudgetExceededError)
  })

  it.concurrent('with another above it: both or neither are reserved, and calls in either order do not block each other', async () => {
    const wide = await budgetWith(null)
    const narrow = await budgetWith({ maxTokens: 500 })
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        tryReserve(index % 2 ? [wide, narrow] : [narrow, wide], { costUsd: 0.01, tokens: 100 }),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'reserved')).toHaveLength(5)
    expect((await read(wide)).reservedTokens).toBe(500)
    expect((await read(narrow)).reservedTokens).toBe(500)
  })

  it.concurrent('of money leaves no residue of fractions behind', async () => {
    const id = await budgetWith({ maxCostUsd: 10 })
    const amounts = [0.1, 0.2, 0.0000033, 1 / 3, 0.7]
    for (const costUsd of amounts) await tryReserve([id], { costUsd, tokens: 1 })
    for (const costUsd of amounts) await settleAll([id], { costUsd, tokens: 1 }, { costUsd, tokens: 1 }, 1)
    expect(await read(id)).toMatchObject({ reservedCostUsd: 0, reservedTokens: 0 })
    expect((await read(id)).spentCostUsd).toBeCloseTo(
      amounts.reduce((sum, amount) => sum + amount),
      6,
    )
  })
})

describe('a limit', () => {
  it.concurrent('on tokens that is too small ends the candidates, and FAILS the sprint, before any call', async () => {
    const task = cast.task('No tokens.')
    const sprint = await playedSprint(server, task, { sprint: { budget: { maxTokens: 100 } } })
    expect(sprint).toMatchObject({ status: 'FAILED', diff: null })
    expect(sprint.failure).toMatch(
      /^A \(OPENAI\): The next call may use \d+ tokens; of 100, 0 are spent or reserved\.\nB /,
    )
    expect(sprint.phases[0].runs[0].errors).toMatchObject([
      { code: 'budget_exceeded', retryable: false },
      { code: 'budget_exceeded', retryable: false },
    ])
    expect(cast.calls(task, 'planner')).toEqual([])
    expect(sprint.budget).toMatchObject({ maxTokens: 100, spentTokens: 0, reservedTokens: 0 })
  })

  it.concurrent('on tokens counts the bytes of what is sent: no script slips through as cheaper than it is', async () => {
    const reservedFor = async (letter: string) => {
      const task = cast.task(letter.repeat(30_000))
      const sprint = await playedSprint(server, task, { sprint: { budget: { maxTokens: 100 } } })
      return Number(/may use (\d+) tokens/.exec(sprint.failure)?.[1])
    }
    const [latin, chinese] = [await reservedFor('a'), await reservedFor('\u5b57')]
    // The densest text there is takes a token for each of its bytes.
    expect(latin).toBeGreaterThan(30_000)
    expect(chinese - latin).toBeGreaterThanOrEqual(60_000)
  })

  it.concurrent('on money refuses a model whose price is not known, and lets one that is priced go on', async () => {
    const task = cast.task('No price.')
    const subagents = [{ provider: 'OPENAI', model: 'a-model-without-a-price' }, { provider: 'ANTHROPIC' }]
    const sprint = await playedSprint(server, task, { sprint: { budget: { maxCostUsd: 5 }, subagents } })
    expect(sprint.status).toBe('COMPLETED')
    expect(sprint.phases[0].runs[0].errors).toMatchObject([
      {
        provider: 'OPENAI',
        code: 'budget_exceeded',
        message: expect.stringContaining('price of this model is not known'),
      },
    ])
    expect(cast.calls(task, 'planner').every(({ provider }) => provider === 'ANTHROPIC')).toBe(true)
  })

  it.concurrent("on a project's tokens holds for its interviews too", async () => {
    const projectId = await readyProject(server, { budget: { maxTokens: 10 } })
    const task = cast.task('No interview.')
    const { interview } = await interviewedSpec(server, await askedSpec(server, projectId, task), settledInterview)
    expect(interview).toMatchObject({
      status: 'FAILED',
      errors: [{ code: 'budget_exceeded' }, { code: 'budget_exceeded' }],
    })
    expect(cast.calls(task)).toEqual([])
  })
})

describe('when all has ended nothing stays reserved', () => {
  const spentOn = async (projectId: string) => {
    const { services } = server.context
    const { budgetId } = await rows(services.em())
      .selectFrom('Project')
      .select('budgetId')
      .where('id', '=', rowId(projectId))
      .executeTakeFirstOrThrow()
    return read(budgetId)
  }
  const callsOf = (projectId: string) =>
    rows(server.context.services.em())
      .selectFrom('ModelCall')
      .selectAll()
      .where('projectId', '=', rowId(projectId))
      .where('agent', '=', 'coder')
      .execute()

  it.concurrent('of calls that were refused, which cost nothing, and of calls that broke off, which count as spent', async () => {
    const task = cast.task('Failures.', {
      coder: byProvider({ OPENAI: () => answersStatus(401), ANTHROPIC: () => ({ kind: 'cut' }) }),
    })
    const { projectId, status } = await playedSprint(server, task)
    expect(status).toBe('FAILED')
    const calls = await callsOf(projectId)
    const of = (provider: string) => calls.find((call) => call.provider === provider)
    expect(of('OPENAI')).toMatchObject({ status: 'FAILED', answer: null, failure: expect.stringContaining('401') })
    // Each attempt that broke off may have been bought, and is a call of its own.
    const lost = calls.filter(({ provider }) => provider === 'ANTHROPIC')
    expect(lost.map((call) => [call.status, call.answer])).toEqual([
      ['LOST', null],
      ['LOST', null],
    ])
    const answered = await rows(server.context.services.em())
      .selectFrom('ModelCall')
      .select((row) => row.fn.sum<string>('inputTokens').as('input'))
      .select((row) => row.fn.sum<string>('outputTokens').as('output'))
      .where('projectId', '=', rowId(projectId))
      .executeTakeFirstOrThrow()
    expect(await spentOn(projectId)).toMatchObject({
      reservedTokens: 0,
      spentTokens:
        Number(answered.input) + Number(answered.output) + lost.reduce((sum, call) => sum + call.reservedTokens, 0),
    })
  })

  it.concurrent('of calls that were on their way when their sprint was canceled', async () => {
    const arrived = Promise.withResolvers<void>()
    const task = cast.task('Cancel me.', {
      coder: ({ provider }) => {
        if (provider === 'ANTHROPIC') return undefined
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const projectId = await readyProject(server)
    const id = await startedSprint(server, await validatedSpec(server, projectId, task))
    await arrived.promise
    expect((await spentOn(projectId)).reservedTokens).toBeGreaterThan(0)
    const { cancelSprint } = await server.query(
      'mutation ($id: ID!) { cancelSprint(id: $id) { __typename ... on Sprint { status } } }',
      { id },
    )
    expect(cancelSprint).toEqual({ __typename: 'Sprint', status: 'CANCELED' })
    expect(await spentOn(projectId)).toMatchObject({ reservedTokens: 0, reservedCostUsd: 0 })
    const hung = (await callsOf(projectId)).find(({ provider }) => provider === 'OPENAI')
    expect(hung).toMatchObject({ status: 'LOST', failure: expect.stringContaining('canceled') })
    expect((await readSprint(server, id)).diff).toBeNull()
  })
})
