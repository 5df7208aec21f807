import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { playedSprint, testCase } from '../factories/agents.ts'
import { made, mutate } from '../factories/api.ts'
import { createCast, inTurns, judges, says, uses, writes } from '../factories/cast.ts'
import { readyProject } from '../factories/pipeline.ts'
import { checkpointOf, endedRun, forkedRun, manyCandidates, readRun, startedRun } from '../factories/runs.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  const retry = { attempts: 2, baseDelayMs: 1 }
  server = await startTestServer({
    pools: manyCandidates,
    overrides: { rehearsalOptions: cast.rehearsalOptions, retry },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const runOf = async (task: string, input: object = {}, projectId?: string) =>
  endedRun(server, await startedRun(server, projectId ?? (await readyProject(server)), task, input))
const forkOf = async (run: never, label: string, input: object = {}) =>
  endedRun(server, await forkedRun(server, checkpointOf(run, label), input))
const turnsOf = (run: { candidates: { label: string; metrics: object }[] }) =>
  run.candidates.map(({ label, metrics }) => [label, metrics])
const body = (call: { body: unknown } | undefined) => JSON.stringify(call?.body)

const levels = { judge: () => judges('A', { A: 0.9, B: 0.1 }) }

describe('a fork from the start', () => {
  it.concurrent('that changes nothing plays everything back: no call, no cost, the same results', async () => {
    const projectId = await readyProject(server)
    await testCase(server, projectId, 'passes', ['true'])
    const task = cast.task('Again.', {
      ...levels,
      coder: (call) =>
        inTurns(writes('done.txt', 'done\n'), uses('run_tests', { names: null }), says(`By ${call.provider}`))(call),
    })
    const run = await runOf(task, {}, projectId)
    const calls = cast.calls(task).length
    expect(calls).toBe(8)
    const fork = await forkOf(run as never, 'start')
    expect(cast.calls(task)).toHaveLength(calls)
    expect(fork).toMatchObject({
      status: 'COMPLETED',
      message: run.message,
      workspaceRef: run.workspaceRef,
      decision: { method: run.decision.method, selected: { label: run.decision.selected.label } },
      usage: { calls: 0, totalTokens: 0, costUsd: 0, unpricedCalls: 0, byAgent: [] },
    })
    expect(turnsOf(fork)).toMatchObject([
      ['A', { turns: 3, replayedTurns: 3, inputTokens: 0, outputTokens: 0, costUsd: null, testsPassed: 1 }],
      ['B', { turns: 3, replayedTurns: 3 }],
    ])
    for (const [index, { toolCalls, output, tree }] of fork.candidates.entries()) {
      expect(toolCalls.map(({ replayed }: never) => replayed)).toEqual([true, true])
      expect([output, tree]).toEqual([run.candidates[index].output, run.candidates[index].tree])
    }
    expect(run.candidates[0].toolCalls.map(({ replayed }: never) => replayed)).toEqual([false, false])
    // And so does a fork of the fork, which has bought nothing itself.
    const third = await forkOf(fork as never, 'start')
    expect(cast.calls(task)).toHaveLength(calls)
    expect(third.forkedFrom).toMatchObject({ label: 'start', run: { id: fork.id } })
    expect(third.candidates[0].tree).toBe(run.candidates[0].tree)
  })

  it.concurrent('buys only what departs: a candidate under other instructions works anew, its neighbour does not', async () => {
    const task = cast.task('One differs.', {
      ...levels,
      coder: (call) => {
        const words = body(call).includes('Be loud.') ? 'DONE\n' : 'done\n'
        return inTurns(writes('done.txt', words), says('Write done.txt'))(call)
      },
    })
    const run = await runOf(task)
    const before = cast.calls(task, 'coder').length
    const subagents = [
      { provider: 'OPENAI', label: 'A' },
      { provider: 'ANTHROPIC', label: 'B', instructions: 'Be loud.' },
    ]
    const fork = await forkOf(run as never, 'start', { label: 'loud', reason: 'It was too quiet.', subagents })
    expect(fork).toMatchObject({
      forkLabel: 'loud',
      forkReason: 'It was too quiet.',
      forkedFrom: { label: 'start', run: { id: run.id } },
      modelConfig: { subagents },
    })
    const bought = cast.calls(task, 'coder').slice(before)
    expect(bought.map(({ provider }) => provider)).toEqual(['ANTHROPIC', 'ANTHROPIC'])
    expect(turnsOf(fork)).toMatchObject([
      ['A', { turns: 2, replayedTurns: 2 }],
      ['B', { turns: 2, replayedTurns: 0 }],
    ])
    expect(fork.candidates[1].patch).toContain('+DONE')
    expect(fork.usage.byAgent).toMatchObject([
      { agent: 'coder', calls: 2 },
      { agent: 'judge', calls: 2 },
    ])
  })

  it.concurrent('departs where a tool answers otherwise: what came before is played back, what comes after is bought', async () => {
    const projectId = await readyProject(server)
    await testCase(server, projectId, 'the only one', ['true'])
    const task = cast.task('Midway.', {
      coder: inTurns(writes('done.txt', 'done\n'), uses('run_tests', { names: null }), says('Tried it')),
    })
    const subagents = [{ provider: 'OPENAI', label: 'A' }]
    const run = await runOf(task, { subagents }, projectId)
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Project { testCases { edges { node { id } } } } } }',
      { id: projectId },
    )
    await made(server, 'updateTestCase', { input: { id: node.testCases.edges[0].node.id, command: ['false'] } })
    const fork = await forkOf(run as never, 'start')
    expect(turnsOf(fork)).toMatchObject([['A', { turns: 3, replayedTurns: 2 }]])
    expect(fork.candidates[0].toolCalls).toMatchObject([
      { name: 'write_file', replayed: true },
      { name: 'run_tests', replayed: false, result: expect.stringContaining('FAILED') },
    ])
    expect(cast.calls(task, 'coder')).toHaveLength(4)
  })

  it.concurrent('with another message puts that one to the same candidates', async () => {
    const task = cast.task('Old message.')
    const message = cast.task('New message.')
    const run = await runOf(task)
    const fork = await forkOf(run as never, 'start', { message })
    expect(fork.message).toBe(message)
    expect(cast.calls(message, 'coder')).toHaveLength(4)
    expect(fork.candidates.map(({ provider, label }: never) => [provider, label])).toEqual(
      run.candidates.map(({ provider, label }: never) => [provider, label]),
    )
  })
})

describe('candidates that are independent of each other', () => {
  it.concurrent('share nothing, though they were asked the very same: each answer is a sample of its own', async () => {
    const task = cast.task('Two samples.', levels)
    const subagents = [
      { provider: 'OPENAI', label: 'one' },
      { provider: 'OPENAI', label: 'two' },
    ]
    const projectId = await readyProject(server)
    await runOf(task, { subagents }, projectId)
    expect(cast.calls(task, 'coder')).toHaveLength(4)
    // Nor does a run that was not forked from it.
    await runOf(task, { subagents }, projectId)
    expect(cast.calls(task, 'coder')).toHaveLength(8)
  })
})

describe('a fork from a later checkpoint', () => {
  it.concurrent("of a candidate goes on with its conversation and workspace, also under the other provider's model", async () => {
    const task = cast.task('Go on.', {
      coder: (call) => {
        if (!body(call).includes('Now say it twice.')) return undefined
        const edit = uses('edit_file', { path: 'done.txt', oldText: 'done', newText: 'done done' })
        return call.turn === 2 ? edit : says('Say it twice')
      },
    })
    const run = await runOf(task)
    const before = cast.calls(task, 'coder').length
    const subagents = [{ provider: 'OPENAI', label: 'other', instructions: 'Be exact.' }]
    const fork = await forkOf(run as never, 'candidate:B', { message: 'Now say it twice.', subagents })
    expect(fork).toMatchObject({
      status: 'COMPLETED',
      workspaceRef: run.candidates[1].tree,
      message: 'Now say it twice.',
      forkedFrom: { label: 'candidate:B' },
      decision: { method: 'ONLY_CANDIDATE' },
    })
    const [first] = cast.calls(task, 'coder').slice(before)
    expect(first?.provider).toBe('OPENAI')
    for (const said of ['Now say it twice.', 'Write done.txt', 'I use write_file.', 'Be exact.']) {
      expect(body(first)).toContain(said)
    }
    expect(fork.candidates[0].patch).toContain('+done done')
    // What is proposed is all that differs from the branch, not only what the fork added.
    const id = await made(server, 'proposeCandidate', { candidateId: fork.candidates[0].id })
    const { node } = await server.query('query ($id: ID!) { node(id: $id) { ... on Diff { content } } }', { id })
    expect(node.content).toContain('new file mode')
    // The conversation is its own from here: a fork of the fork has both messages.
    const again = await forkOf(fork as never, 'decision', { message: 'And now?' })
    const users = again.input.history.filter(({ role }: never) => role === 'user').map(({ text }: never) => text)
    expect(users).toEqual([task, 'Now say it twice.'])
    expect(again.candidates.map(({ label, provider }: never) => [label, provider])).toEqual([['other', 'OPENAI']])
  })

  it.concurrent('of the decision goes on from what was selected, and without a message is told to go on', async () => {
    const task = cast.task('Selected.', {
      coder: (call) => (body(call).includes('Go on from here.') ? says('There is nothing left.') : undefined),
      judge: () => judges('TIE', { A: 0.1, B: 0.1 }),
    })
    const run = await runOf(task)
    const selected = run.candidates.find(({ label }: never) => label === run.decision.selected.label)
    const fork = await forkOf(run as never, 'decision')
    expect(fork).toMatchObject({ message: 'Go on from here.', workspaceRef: selected.tree })
    expect(fork.candidates).toMatchObject([{ label: selected.label, output: 'There is nothing left.' }])
  })

  it.concurrent('of a person’s choice keeps what the judge had decided then', async () => {
    const task = cast.task('Overruled.', { judge: () => judges('A', { A: 0.9, B: 0.1 }) })
    const run = await runOf(task)
    const other = run.candidates.find(({ label }: never) => label !== run.decision.selected.label)
    await made(server, 'proposeCandidate', { candidateId: other.id })
    const decision = (await readRun(server, run.id)).checkpoints.find(({ label }: never) => label === 'decision')
    const judged = run.candidates.find(({ label }: never) => label === run.decision.selected.label)
    expect(decision.state.candidateId).toBe(judged.id)
  })
})

describe("a fork of a sprint's run", () => {
  it.concurrent('is a run of its own, plays back what the sprint bought, and leaves the sprint alone', async () => {
    const task = cast.task('Fork a sprint.', levels)
    const sprint = await playedSprint(server, task)
    const before = cast.calls(task).length
    const coding = await readRun(server, sprint.phases[1].runs[0].id)
    const fork = await forkOf(coding as never, 'start')
    expect(cast.calls(task)).toHaveLength(before)
    expect(fork).toMatchObject({ sprint: null, status: 'COMPLETED', message: coding.message })
    expect(turnsOf(fork)).toMatchObject([
      ['A', { turns: 2, replayedTurns: 2 }],
      ['B', { turns: 2, replayedTurns: 2 }],
    ])
    const planning = await readRun(server, sprint.phases[0].runs[0].id)
    const plan = await forkOf(planning as never, 'start')
    expect(cast.calls(task)).toHaveLength(before)
    expect(plan.input.role).toBe('planner')
    expect(plan.candidates[0].patch).toContain('+++ b/implementation_plan.md')
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Sprint { status usage { calls } phases { runs { id } } } } }',
      { id: sprint.id },
    )
    expect(node).toMatchObject({ status: 'COMPLETED', usage: { calls: sprint.usage.calls } })
    expect(node.phases.flatMap(({ runs }: never) => runs)).toHaveLength(3)
  })

  it.concurrent('of its verification needs a message', async () => {
    const sprint = await playedSprint(server, cast.task('Fork a verdict.'))
    const verification = await readRun(server, sprint.phases[2].runs[0].id)
    const start = checkpointOf(verification, 'start')
    expect(await mutate(server, 'forkRun', { input: { checkpointId: start, label: 'x' } })).toMatchObject({
      __typename: 'ValidationError',
      fieldErrors: [{ path: ['message'] }],
    })
  })
})

describe('forkRun', () => {
  it.concurrent('knows no checkpoint of nobody, and makes one fork for one clientMutationId', async () => {
    const task = cast.task('Once forked.')
    const run = await runOf(task)
    const checkpointId = checkpointOf(run, 'start')
    const missing = Buffer.from('Checkpoint:6f6f7d6e-0000-4000-8000-000000000000').toString('base64')
    for (const id of [missing, run.id, 'nonsense']) {
      const answer = await mutate(server, 'forkRun', { input: { checkpointId: id, label: 'x' } })
      expect(answer.__typename).toBe('NotFoundError')
    }
    expect(await mutate(server, 'forkRun', { input: { checkpointId, label: '' } })).toMatchObject({
      __typename: 'ValidationError',
    })
    const input = { checkpointId, label: 'x', clientMutationId: 'one' }
    const ids = await Promise.all([1, 2, 3].map(() => made(server, 'forkRun', { input })))
    expect(new Set(ids).size).toBe(1)
  })
})
