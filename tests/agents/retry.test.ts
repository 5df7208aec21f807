import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaseOn, revokeLeases } from '../../src/domain/lease/lease.ts'
import { decisionSeconds, whatIsLate } from '../../src/domain/run/time-limits.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { advanceSprintJob } from '../../src/jobs/advance-sprint.ts'
import { playedSprint, readSprint, testCase, testedProject } from '../factories/agents.ts'
import { made, mutate } from '../factories/api.ts'
import {
  answersStatus,
  createCast,
  createMeeting,
  inTurns,
  refuses,
  says,
  verifies,
  writes,
} from '../factories/cast.ts'
import { sqlOf } from '../factories/gate.ts'
import { endedSprint, readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { candidateEnded, endedRun, manyCandidates, readRun, startedRun } from '../factories/runs.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    pools: manyCandidates,
    overrides: {
      rehearsalOptions: cast.rehearsalOptions,
      retry: { attempts: 1, baseDelayMs: 1 },
      patience: { intervalMs: 100, waitingMs: 60_000, abandonedMs: 5_000 },
    },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

/** One candidate a phase, where one is enough. */
const alone = { subagents: [{ provider: 'OPENAI' }] }

type Sprint = Awaited<ReturnType<typeof readSprint>>

/** Waits until a sprint has had a status so often. */
const reached = async (id: string, status: string, times = 1) => {
  let seen = 0
  await server.event('SprintChanged', (body) => {
    if (body.sprintId === rowId(id) && body.status === status) seen += 1
    return seen === times
  })
  return readSprint(server, id)
}
const steps = (sprint: Sprint) =>
  sprint.phases.map(({ kind, attempt, status, runs }: Sprint) => `${kind} ${attempt} ${status} ${runs.length}`)
const retried = (id: string) => made(server, 'retrySprint', { id })
const callsOf = (task: string, role: string) => cast.calls(task, role).length

describe('a sprint that is retried', () => {
  it.concurrent('after it was canceled goes on from the plan that it had, and buys only the call that was on its way', async () => {
    const arrived = Promise.withResolvers<void>()
    let hung = 0
    const task = cast.task('Interrupted.', {
      coder: ({ provider, turn }) => {
        if (provider !== 'OPENAI' || turn !== 1 || hung++ > 0) return undefined
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const id = await startedSprint(server, await validatedSpec(server, await testedProject(server), task))
    await arrived.promise
    const [, coding] = (await readSprint(server, id)).phases
    await candidateEnded(server, coding.runs[0].id, 'B')
    await made(server, 'cancelSprint', { id })
    expect(steps(await readSprint(server, id))).toEqual(['DISCOVERY 1 SUCCEEDED 1', 'CODING 1 CANCELED 1'])
    await retried(id)
    const sprint = await reached(id, 'COMPLETED')
    expect(steps(sprint)).toEqual(['DISCOVERY 1 SUCCEEDED 1', 'CODING 1 SUCCEEDED 2', 'VERIFICATION 1 SUCCEEDED 1'])
    expect(callsOf(task, 'planner')).toBe(4)
    // Two turns of each coder, and the one that was lost.
    expect(callsOf(task, 'coder')).toBe(5)
    expect(sprint.diff).toMatchObject({ status: 'PROPOSED', files: [{ path: 'done.txt' }] })
  })

  it.concurrent('after a phase in which all candidates failed begins that phase again, and asks again what failed', async () => {
    let down = true
    const task = cast.task('All were down.', {
      coder: ({ provider, turn }) => {
        if (!down) return undefined
        if (provider === 'ANTHROPIC') return refuses('Not today.')
        return turn === 1 ? answersStatus(503) : undefined
      },
    })
    const first = await playedSprint(server, task)
    expect(first).toMatchObject({ status: 'FAILED', diff: null })
    expect(callsOf(task, 'coder')).toBe(3)
    down = false
    await retried(first.id)
    const sprint = await reached(first.id, 'COMPLETED')
    expect(sprint.failure).toBeNull()
    // OPENAI's first turn is played back; ANTHROPIC's refusal is not.
    expect(callsOf(task, 'coder')).toBe(3 + 1 + 2)
    expect(callsOf(task, 'planner')).toBe(4)
  })

  it.concurrent('after a verification that nobody gave asks for one again, on the same tree', async () => {
    let down = true
    const task = cast.task('No verdict.', { verifier: () => (down ? answersStatus(401) : undefined) })
    const projectId = await readyProject(server)
    await testCase(server, projectId, 'passes', ['true'])
    const first = await playedSprint(server, task, { projectId, sprint: alone })
    expect(first.failure).toMatch(/No verifier answered/)
    down = false
    await retried(first.id)
    const sprint = await reached(first.id, 'COMPLETED')
    expect(steps(sprint)).toEqual(['DISCOVERY 1 SUCCEEDED 1', 'CODING 1 SUCCEEDED 1', 'VERIFICATION 1 SUCCEEDED 2'])
    expect(callsOf(task, 'coder')).toBe(2)
    expect(callsOf(task, 'verifier')).toBe(3)
  })

  it.concurrent('after its last attempt has one more, whose coder is told what failed', async () => {
    const task = cast.task('Never enough.', {
      coder: (call) => {
        const again = JSON.stringify(call.body).includes('verification_failure')
        return inTurns(writes('done.txt', again ? 'done\n' : 'nearly\n'), says('Write done.txt'))(call)
      },
      verifier: ({ body }) =>
        JSON.stringify(body).includes('+done')
          ? verifies('VERIFICATION_SUCCESS')
          : verifies('VERIFICATION_FAILURE', 'It is only nearly done.'),
    })
    const first = await playedSprint(server, task, { sprint: { maxAttempts: 1, ...alone } })
    expect(first.status).toBe('FAILED')
    await retried(first.id)
    const sprint = await reached(first.id, 'COMPLETED')
    expect(steps(sprint).slice(2)).toEqual([
      'VERIFICATION 1 FAILED 1',
      'CODING 2 SUCCEEDED 1',
      'VERIFICATION 2 SUCCEEDED 1',
    ])
    expect(sprint.phases[3].runs[0].message).toContain('It is only nearly done.')
  })

  it.concurrent('though its plan was not approved yet still waits for that', async () => {
    const task = cast.task('Approve me.')
    const spec = await validatedSpec(server, await testedProject(server), task)
    const id = await startedSprint(server, spec, { requirePlanApproval: true, ...alone })
    await reached(id, 'AWAITING_PLAN_APPROVAL')
    await made(server, 'cancelSprint', { id })
    await retried(id)
    expect((await reached(id, 'AWAITING_PLAN_APPROVAL', 2)).status).toBe('AWAITING_PLAN_APPROVAL')
    expect(callsOf(task, 'coder')).toBe(0)
    await made(server, 'approvePlan', { sprintId: id })
    await reached(id, 'COMPLETED')
    expect(callsOf(task, 'planner')).toBe(2)
  })

  it.concurrent('must have failed or been canceled, and its spec be answered', async () => {
    const task = cast.task('Too early.')
    const completed = await playedSprint(server, task, { sprint: alone })
    const answer = await mutate(server, 'retrySprint', { id: completed.id })
    expect(answer).toMatchObject({ __typename: 'InvalidTransitionError', from: 'COMPLETED', to: 'ACTIVE' })
    const specId = await made(server, 'createSpec', {
      input: { projectId: completed.projectId, task: 'x', mode: 'STUB' },
    })
    const id = await made(server, 'createSprint', { input: { specId, name: 'unanswered' } })
    expect(await mutate(server, 'retrySprint', { id })).toMatchObject({ from: 'PLANNED' })
    await made(server, 'cancelSprint', { id })
    expect(await mutate(server, 'retrySprint', { id })).toMatchObject({ from: 'DRAFT', to: 'VALIDATED' })
  })

  it.concurrent('because its budget was used up goes on once that is raised, with what it had', async () => {
    const task = cast.task('Too little.')
    const spec = await validatedSpec(server, await testedProject(server), task)
    const id = await startedSprint(server, spec, { requirePlanApproval: true })
    await reached(id, 'AWAITING_PLAN_APPROVAL')
    await made(server, 'updateSprint', { id, budget: { maxTokens: 5_000 } })
    await made(server, 'approvePlan', { sprintId: id })
    await endedSprint(server, id)
    const stopped = await readSprint(server, id)
    expect(stopped).toMatchObject({ status: 'FAILED', plan: expect.stringContaining('Write done.txt.') })
    expect(stopped.failure).toMatch(
      /^A \(OPENAI\): The next call may use \d+ tokens; of 5000, \d+ are spent or reserved\./,
    )
    expect(stopped.budget.spentTokens).toBeGreaterThan(0)
    expect(callsOf(task, 'coder')).toBe(0)
    expect(await mutate(server, 'updateSprint', { id, budget: { maxTokens: -1 } })).toMatchObject({
      __typename: 'ValidationError',
    })
    await made(server, 'updateSprint', { id })
    expect((await readSprint(server, id)).budget.maxTokens).toBe(5_000)
    await made(server, 'updateSprint', { id, budget: { maxTokens: 1_000_000 } })
    await retried(id)
    const sprint = await reached(id, 'COMPLETED')
    expect(callsOf(task, 'planner')).toBe(4)
    expect(sprint.budget).toMatchObject({ maxTokens: 1_000_000, reservedTokens: 0 })
    expect(sprint.budget.spentTokens).toBe(sprint.usage.totalTokens)
    await made(server, 'updateSprint', { id, budget: null })
    expect((await readSprint(server, id)).budget).toBeNull()
  })
})

describe('a sprint that is under way', () => {
  it.concurrent('and is given a budget while its coders work gives each of them its part at once', async () => {
    const [bothWork, go] = [createMeeting(2), Promise.withResolvers<void>()]
    const arrived = Promise.withResolvers<void>()
    const task = cast.task('Capped under way.', {
      coder: async ({ turn }) => {
        if (turn !== 1) return undefined
        await bothWork()
        arrived.resolve()
        await go.promise
        return undefined
      },
    })
    const id = await startedSprint(server, await validatedSpec(server, await testedProject(server), task))
    await arrived.promise
    await made(server, 'updateSprint', { id, budget: { maxTokens: 900_000 } })
    const shares = await sqlOf(
      server,
      `select (part.max_tokens - part.spent_tokens - part.reserved_tokens)::int as room, part.spent_tokens > 0 as used,
        ((whole.max_tokens - whole.spent_tokens - whole.reserved_tokens) / 2)::int as half
      from candidate join agent_run on agent_run.id = candidate.run_id
      join budget part on part.id = candidate.budget_id
      join sprint on sprint.id = agent_run.sprint_id join budget whole on whole.id = sprint.budget_id
      where sprint.id = $1 and agent_run.purpose = 'CODING'`,
      [rowId(id)],
    )
    go.resolve()
    const half = shares[0]?.half
    expect(half).toBeGreaterThan(400_000)
    expect(shares).toEqual([
      { room: half, used: true, half },
      { room: half, used: true, half },
    ])
    await reached(id, 'COMPLETED')
  })

  it.concurrent('names a verifier whose provider is no longer configured', async () => {
    const arrived = Promise.withResolvers<void>()
    let asked = 0
    const task = cast.task('A verifier is gone.', {
      verifier: () => {
        if (asked++ > 0) return answersStatus(503)
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const id = await startedSprint(server, await validatedSpec(server, await testedProject(server), task))
    await arrived.promise
    // As after a restart without its key: the step is taken up again, and the second verifier's provider is gone.
    await sqlOf(
      server,
      `update candidate set provider = 'GONE' where label = 'B'
        and run_id = (select id from agent_run where sprint_id = $1 and purpose = 'VERIFICATION')`,
      [rowId(id)],
    )
    await transact(server.context.services, async (tx) => {
      await revokeLeases(tx, [leaseOn('sprint', rowId(id))])
      tx.enqueue(advanceSprintJob, { sprintId: rowId(id) })
    })
    await server.event('SprintChanged', (body) => body.sprintId === rowId(id) && body.status === 'FAILED')
    const [sprint] = await sqlOf(server, 'select failure from sprint where id = $1', [rowId(id)])
    expect(sprint?.failure).toContain('B (GONE): The provider GONE is no longer configured.')
  })
})

describe('a limit of time', () => {
  it.concurrent('of a phase ends the candidates that are still at work, and one of the others is chosen', async () => {
    const arrived = Promise.withResolvers<void>()
    const task = cast.task('One coder hangs.', {
      coder: ({ provider }) => {
        if (provider === 'OPENAI') return undefined
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const id = await startedSprint(server, await validatedSpec(server, await testedProject(server), task))
    await arrived.promise
    const [, coding] = (await readSprint(server, id)).phases
    await candidateEnded(server, coding.runs[0].id, 'A')
    await sqlOf(
      server,
      "update phase set deadline_at = now() - interval '1 s' where sprint_id = $1 and kind = 'CODING'",
      [rowId(id)],
    )
    const sprint = await reached(id, 'COMPLETED')
    expect(steps(sprint)).toEqual(['DISCOVERY 1 SUCCEEDED 1', 'CODING 1 SUCCEEDED 1', 'VERIFICATION 1 SUCCEEDED 1'])
    const [run] = sprint.phases[1].runs
    expect(run.candidates.map(({ status }: Sprint) => status)).toEqual(['COMPLETED', 'FAILED'])
    const { errors, decision } = await readRun(server, run.id)
    expect(errors).toEqual([
      {
        provider: 'ANTHROPIC',
        modelName: expect.any(String),
        code: 'timeout',
        message: 'CODING did not end within its limit of 1800 seconds.',
        retryable: true,
      },
    ])
    expect(decision).toMatchObject({ method: 'ONLY_CANDIDATE' })
    expect(sprint.phases[2].summary).toBe('VERIFICATION_SUCCESS\nIt holds.')
  })

  it.concurrent('of a phase fails the sprint in words when no model answers at all', async () => {
    const arrived = Promise.withResolvers<void>()
    const task = cast.task('Hanging planner.', {
      planner: () => {
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const id = await startedSprint(server, await validatedSpec(server, await testedProject(server), task))
    await arrived.promise
    const [limit] = await sqlOf(
      server,
      'select extract(epoch from deadline_at - started_at)::int as seconds from phase where sprint_id = $1',
      [rowId(id)],
    )
    expect(limit).toEqual({ seconds: 900 })
    await sqlOf(server, "update phase set deadline_at = now() - interval '1 s' where sprint_id = $1", [rowId(id)])
    const sprint = await reached(id, 'FAILED')
    const late = 'DISCOVERY did not end within its limit of 900 seconds.'
    expect(sprint.failure).toBe(`A (OPENAI): ${late}\nB (ANTHROPIC): ${late}`)
    expect(sprint.phases[0].runs[0].candidates.map(({ status }: Sprint) => status)).toEqual(['FAILED', 'FAILED'])
  })

  it.concurrent('of a sprint counts from its retry', async () => {
    const arrived = Promise.withResolvers<void>()
    let hung = 0
    const task = cast.task('Late.', {
      planner: ({ provider }) => {
        if (provider === 'ANTHROPIC' || hung++ > 0) return undefined
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const id = await startedSprint(server, await validatedSpec(server, await testedProject(server), task))
    await arrived.promise
    await sqlOf(server, "update sprint set deadline_at = now() - interval '1 s' where id = $1", [rowId(id)])
    const late = 'The sprint did not end within its deadline of 300 seconds.'
    const failed = await reached(id, 'FAILED')
    expect(failed.failure).toBe(late)
    const { errors } = await readRun(server, failed.phases[0].runs[0].id)
    expect(errors).toContainEqual(expect.objectContaining({ provider: 'OPENAI', code: 'timeout', message: late }))
    await retried(id)
    await reached(id, 'COMPLETED')
  })

  it.concurrent('of a run outside a sprint ends the candidates that are still at work, and one of the others is chosen', async () => {
    const arrived = Promise.withResolvers<void>()
    const task = cast.task('One of two coders hangs.', {
      coder: ({ provider }) => {
        if (provider === 'OPENAI') return undefined
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const subagents = [{ provider: 'OPENAI' }, { provider: 'ANTHROPIC' }]
    const projectId = await readyProject(server)
    await testCase(server, projectId, 'works', ['true'])
    const id = await startedRun(server, projectId, task, { subagents, budget: { maxTokens: 500_000 } })
    await candidateEnded(server, id, 'A')
    await arrived.promise
    await sqlOf(server, "update agent_run set deadline_at = now() - interval '1 s' where id = $1", [rowId(id)])
    const run = await endedRun(server, id)
    expect(run).toMatchObject({
      status: 'COMPLETED',
      failure: null,
      decision: { method: 'ONLY_CANDIDATE' },
      candidates: [{ status: 'COMPLETED', metrics: { testsPassed: 1 } }, { status: 'FAILED' }],
      errors: [
        {
          provider: 'ANTHROPIC',
          code: 'timeout',
          message: "The candidate did not end within the run's limit of 1800 seconds.",
          retryable: true,
        },
      ],
      budget: { reservedTokens: 0 },
    })
  })

  it.concurrent('of a run outside a sprint fails it when nobody has a result, and settles the calls that were on their way', async () => {
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const task = cast.task('Hanging coders.', {
      coder: ({ provider }) => {
        if (provider === 'OPENAI') first.resolve()
        else second.resolve()
        return { kind: 'hang' }
      },
    })
    const subagents = [{ provider: 'OPENAI' }, { provider: 'ANTHROPIC' }]
    const budget = { maxTokens: 500_000 }
    const id = await startedRun(server, await readyProject(server), task, { subagents, budget })
    await Promise.all([first.promise, second.promise])
    await sqlOf(server, "update agent_run set deadline_at = now() - interval '1 s' where id = $1", [rowId(id)])
    const run = await endedRun(server, id)
    const late = "The candidate did not end within the run's limit of 1800 seconds."
    expect(run).toMatchObject({ status: 'FAILED', failure: `A (OPENAI): ${late}\nB (ANTHROPIC): ${late}` })
    expect(run.errors).toMatchObject([{ code: 'timeout' }, { code: 'timeout' }])
    expect(run.budget).toMatchObject({ reservedTokens: 0, spentTokens: expect.any(Number) })
    expect(run.budget.spentTokens).toBeGreaterThan(32_000)
  })

  it.concurrent('of the tests of a run ends it, and them', async () => {
    const projectId = await readyProject(server)
    await testCase(server, projectId, 'sleeps', ['sleep', '60'])
    const id = await startedRun(server, projectId, cast.task('Its tests hang.'), alone)
    await candidateEnded(server, id, 'A')
    await sqlOf(
      server,
      `with late as (update agent_run set deadline_at = now() - interval '1 s' where id = $1 returning id)
      update candidate set finished_at = now() - interval '901 s' where run_id in (select id from late)`,
      [rowId(id)],
    )
    const failure = 'The tests of the results and the decision did not end within 900 seconds.'
    const run = await endedRun(server, id)
    expect(run).toMatchObject({ status: 'FAILED', failure, candidates: [{ status: 'COMPLETED' }] })
    expect(run.candidates[0].testRuns.map(({ status }: Sprint) => status)).not.toContain('RUNNING')
  })

  it('leaves tests and a decision time of their own, and does not wait for them for ever', () => {
    const at = (seconds: number) => new Date(seconds * 1_000)
    const done = { status: 'COMPLETED', finishedAt: at(90) } as const
    const slow = { status: 'RUNNING', finishedAt: null } as const
    expect(whatIsLate(null, [slow], at(100))).toBeNull()
    expect(whatIsLate(at(101), [slow], at(100))).toBeNull()
    expect(whatIsLate(at(100), [done, slow], at(100))).toBe('candidates')
    expect(whatIsLate(at(100), [done], at(100))).toBeNull()
    expect(whatIsLate(at(100), [done], at(90 + decisionSeconds))).toBe('decision')
    expect(whatIsLate(at(2_000), [done], at(1_999))).toBeNull()
  })
})
