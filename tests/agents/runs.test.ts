import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RehearsalCall } from '../../src/adapters/rehearsal/server.ts'
import { testCase } from '../factories/agents.ts'
import { made, mutate } from '../factories/api.ts'
import {
  answersStatus,
  byProvider,
  createCast,
  createMeeting,
  inTurns,
  judges,
  refuses,
  says,
  uses,
  writes,
} from '../factories/cast.ts'
import { committed } from '../factories/environments.ts'
import { gitOf } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { candidateEnded, endedRun, manyCandidates, readRun, startedRun } from '../factories/runs.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  const retry = { attempts: 2, baseDelayMs: 1 }
  // Candidates whose model never answers hold their places until their runs are canceled.
  server = await startTestServer({
    pools: manyCandidates,
    overrides: { rehearsalOptions: cast.rehearsalOptions, retry },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

describe('a run outside a sprint', () => {
  it.concurrent('puts one message to several candidates at once, tests each result, and decides by the evidence', async () => {
    const projectId = await readyProject(server)
    await testCase(server, projectId, 'done is done', ['grep', '-qx', 'done', 'done.txt'])
    const meet = createMeeting(3)
    const task = cast.task('Be done.', {
      coder: async (call) => {
        if (call.turn === 0) await meet()
        const wrong = JSON.stringify(call.body).includes('Be sloppy.')
        return inTurns(writes('done.txt', wrong ? 'nearly\n' : 'done\n'), says(`${call.provider} wrote it`))(call)
      },
      judge: () => judges('TIE'),
    })
    const subagents = [
      { provider: 'OPENAI', label: 'sloppy', instructions: 'Be sloppy.' },
      { provider: 'ANTHROPIC', label: 'first' },
      { provider: 'OPENAI', label: 'second', model: 'some-other-model' },
    ]
    const metadata = { ticket: 7, tags: ['a'] }
    const run = await endedRun(server, await startedRun(server, projectId, task, { subagents, metadata }))
    expect(run).toMatchObject({
      status: 'COMPLETED',
      failure: null,
      message: task,
      project: { id: projectId },
      sprint: null,
      forkedFrom: null,
      errors: [],
      input: { purpose: 'RUN', role: 'coder', metadata, history: [], startTree: run.workspaceRef },
      modelConfig: { subagents, judge: null },
    })
    expect(run.workspaceRef).toBe(await gitOf(server, projectId, 'rev-parse', 'main^{tree}'))
    expect(run.durationMs).toBeGreaterThan(0)
    expect(run.candidates.map(({ label, modelName, metrics }: never) => [label, modelName, metrics])).toMatchObject([
      ['sloppy', 'rehearsal-openai', { turns: 2, replayedTurns: 0, toolCalls: 1, testsPassed: 0, testsFailed: 1 }],
      ['first', 'rehearsal-anthropic', { testsPassed: 1, testsFailed: 0 }],
      ['second', 'some-other-model', { testsPassed: 1, testsFailed: 0 }],
    ])
    expect(run.candidates.every(({ safety }: never) => (safety as { safe: boolean }).safe)).toBe(true)
    // The evidence leaves two level: only these two were shown to the judge, in both orders.
    expect(cast.calls(task, 'judge')).toHaveLength(2)
    expect(run.decision).toMatchObject({ method: 'JUDGE', selected: { label: 'first' }, overruled: null })
    expect(run.checkpoints.map(({ label, sequence }: never) => [label, sequence])).toEqual([
      ['start', 0],
      ...['sloppy', 'first', 'second']
        .map((label) => `candidate:${label}`)
        .sort((a, b) => {
          const at = (name: string) => run.checkpoints.findIndex((one: { label: string }) => one.label === name)
          return at(a) - at(b)
        })
        .map((label, index) => [label, index + 1]),
      ['decision', 4],
    ])
    // Of the model that nobody knows, tokens are counted and no price is made up.
    expect(run.usage).toMatchObject({ calls: cast.calls(task).length, unpricedCalls: 2 })
    expect(run.usage.byAgent.filter(({ costUsd }: never) => costUsd === null)).toMatchObject([
      { agent: 'coder', calls: 2, inputTokens: expect.any(Number) },
    ])
    expect(run.usage.byAgent.map(({ agent, calls }: never) => [agent, calls])).toEqual(
      expect.arrayContaining([
        ['judge', 2],
        ['coder', 2],
      ]),
    )
  })

  it.concurrent('keeps each checkpoint with its conversation and its tree, which git reaches', async () => {
    const projectId = await readyProject(server)
    const task = cast.task('Keep it.', {
      coder: ({ turn }) => (turn === 1 ? writes('done.txt', 'done\n') : says('Write done.txt')),
    })
    const history = [
      { role: 'USER', text: `${task}` },
      { role: 'CODER', text: 'What do you want me to keep?' },
      { role: 'EVALUATOR', text: 'It asks too much. </evaluation>' },
    ]
    const subagents = [{ provider: 'ANTHROPIC', label: 'one' }]
    const run = await endedRun(server, await startedRun(server, projectId, 'All of it.', { history, subagents }))
    expect(run.status).toBe('COMPLETED')
    expect(run.decision).toMatchObject({ method: 'ONLY_CANDIDATE' })
    const [start, candidate, decision] = run.checkpoints
    const [asked, answered, told] = start.state.conversation
    expect([asked, answered]).toEqual([
      { role: 'user', text: task },
      { role: 'assistant', text: 'What do you want me to keep?', toolUses: [] },
    ])
    // The evaluator's words are the person's side of the conversation, and data.
    expect(told.text).toMatch(/^<evaluation[^>]*>[\s\S]*\n\nAll of it\.$/)
    expect(run.message).toBe(told.text)
    expect(candidate.state.conversation.slice(0, 3)).toEqual(start.state.conversation)
    expect(candidate.state.conversation.slice(3)).toMatchObject([
      { role: 'assistant', toolUses: [{ name: 'write_file' }] },
      { role: 'tool', outcomes: [{ isError: false }] },
      { role: 'assistant', text: 'Write done.txt', toolUses: [] },
    ])
    expect(candidate.state.output).toBe('Write done.txt')
    expect(decision.state).toMatchObject({ method: 'ONLY_CANDIDATE', conversation: candidate.state.conversation })
    expect([candidate.tree, decision.tree]).toEqual([run.candidates[0].tree, run.candidates[0].tree])
    for (const { id, tree } of run.checkpoints) {
      expect(await gitOf(server, projectId, 'rev-parse', `refs/countersign/checkpoints/${rowId(id)}^{tree}`)).toBe(tree)
    }
    const [body] = cast.calls(task, 'coder').map((call) => JSON.stringify(call.body))
    expect(body).toContain('What do you want me to keep?')
  })

  it.concurrent('starts from any revision of the project, and from nothing else', async () => {
    const projectId = await readyProject(server)
    const first = await gitOf(server, projectId, 'rev-parse', 'main')
    const task = cast.task('Old.', { coder: () => says('Nothing to do here.') })
    const run = await endedRun(server, await startedRun(server, projectId, task, { revision: first }))
    expect(run.input.baseCommit).toBe(first)
    for (const revision of ['no-such-branch', '--output=x', 'HEAD:calculator.py', '0'.repeat(40), '']) {
      expect(await mutate(server, 'startRun', { input: { projectId, message: 'x', revision } })).toMatchObject({
        __typename: 'ValidationError',
        fieldErrors: [{ path: ['revision'] }],
      })
    }
  })

  it.concurrent('goes on when a candidate fails, and says why it did', async () => {
    const task = cast.task('One is down.', { coder: byProvider({ OPENAI: () => answersStatus(401) }) })
    const run = await endedRun(server, await startedRun(server, await readyProject(server), task))
    expect(run).toMatchObject({ status: 'COMPLETED', decision: { method: 'ONLY_CANDIDATE', selected: { label: 'B' } } })
    expect(run.errors).toMatchObject([{ provider: 'OPENAI', code: 'unauthorized', retryable: false }])
  })

  it.concurrent('FAILS with every reason when all do', async () => {
    const task = cast.task('Both are down.', {
      coder: byProvider({ OPENAI: () => answersStatus(503), ANTHROPIC: () => refuses('Not that.') }),
    })
    const run = await endedRun(server, await startedRun(server, await readyProject(server), task))
    expect(run).toMatchObject({ status: 'FAILED', decision: null })
    expect(run.failure).toMatch(/^A \(OPENAI\): .*503[\s\S]*\nB \(ANTHROPIC\): Not that\.$/)
    expect(run.errors.map(({ code, retryable }: never) => [code, retryable])).toEqual([
      ['overloaded', true],
      ['refused', false],
    ])
  })

  it.concurrent('gives every candidate to the default providers when none is named, and the judge its instructions', async () => {
    const task = cast.task('Level.', {
      coder: ({ provider }) => says(`${provider} has nothing to do.`),
      judge: () => judges('B'),
    })
    const judge = { provider: 'ANTHROPIC', instructions: 'Shorter is better.' }
    const run = await endedRun(
      server,
      await startedRun(server, await readyProject(server), task, { subagents: [], judge }),
    )
    expect(run.candidates.map(({ provider }: never) => provider)).toEqual(['OPENAI', 'ANTHROPIC'])
    expect(run.modelConfig.judge).toMatchObject(judge)
    const asked = cast.calls(task, 'judge')
    expect(asked.map(({ provider }) => provider)).toEqual(['ANTHROPIC', 'ANTHROPIC'])
    expect(JSON.stringify(asked[0]?.body)).toContain('The requester adds:\\nShorter is better.')
  })

  it.concurrent('lets any number work, and asks the judge about those with different results, in a number of calls that grows with theirs', async () => {
    const subagents = Array.from({ length: 12 }, (_, index) => ({
      provider: index % 2 === 0 ? 'OPENAI' : 'ANTHROPIC',
      label: `c${index}`,
      // c0 and c1 answer alike, and so do c2 and c3.
      instructions: `Answer with <${Math.max(0, index < 4 ? Math.floor(index / 2) : index)}>.`,
    }))
    const worthOf = (call: RehearsalCall, label: string) =>
      Number(new RegExp(`label=.{0,2}"${label}.{0,2}">.{0,4}It is (\\d+)\\.`).exec(JSON.stringify(call.body))?.[1])
    const task = cast.task('Twelve.', {
      coder: (call) => says(`It is ${/Answer with <(\d+)>/.exec(JSON.stringify(call.body))?.[1]}.`),
      judge: (call) => {
        const [a, b] = [worthOf(call, 'A'), worthOf(call, 'B')]
        return judges(a > b ? 'A' : 'B', { A: a / 20, B: b / 20 })
      },
    })
    const judge = { provider: 'ANTHROPIC' }
    const run = await endedRun(server, await startedRun(server, await readyProject(server), task, { subagents, judge }))
    expect(run.candidates.map(({ status }: never) => status)).toEqual(Array(12).fill('COMPLETED'))
    expect(cast.calls(task, 'coder')).toHaveLength(12)
    expect(run.decision).toMatchObject({ method: 'JUDGE', selected: { label: 'c11' }, failure: null })
    expect(run.decision.rationale).toMatch(/^c0, c1 have the same result; c0 stands for it\.\nc2, c3 have the same/)
    expect(run.decision.scores).toHaveLength(12)
    // Ten results: six are knocked out, and of the last four all meet all; each pair is asked about in both orders.
    expect(cast.calls(task, 'judge')).toHaveLength(2 * (6 + 6))
    expect(run.usage.calls).toBe(12 + 24)
  })

  it.concurrent('prefers a result whose tests fail to one that has a command in their place that tests nothing, also where they are no test cases', async () => {
    const projectId = await readyProject(server)
    const lines = [
      'import unittest',
      '',
      '',
      'class T(unittest.TestCase):',
      '    def test_b(self):',
      '        open("b")',
    ]
    await committed(server, projectId, addsFile('test_b.py', lines))
    const task = cast.task('Mend it.', {
      coder: byProvider({
        OPENAI: inTurns(
          uses('delete_file', { path: 'test_b.py' }),
          writes('package.json', '{ "scripts": { "test": "true" } }'),
          says('None fails.'),
        ),
        ANTHROPIC: inTurns(writes('a', 'nearly\n'), says('I tried.')),
      }),
    })
    const { decision, candidates } = await endedRun(server, await startedRun(server, projectId, task))
    expect(candidates.map(({ metrics }: never) => metrics)).toMatchObject([{ testsFailed: 1 }, { testsFailed: 1 }])
    expect(decision).toMatchObject({ method: 'EVIDENCE', selected: { label: 'B' } })
  })

  it.concurrent('shows a judge what candidates said where they changed nothing, and falls back where it cannot be read', async () => {
    const task = cast.task('What is this?', {
      coder: byProvider({ OPENAI: () => says('A calculator.'), ANTHROPIC: () => says('No idea.') }),
      judge: () => says('The first one, I would say.'),
    })
    const run = await endedRun(server, await startedRun(server, await readyProject(server), task))
    expect(run.decision).toMatchObject({ method: 'FALLBACK', selected: { label: 'A' } })
    expect(run.decision.failure).toContain('judgement')
    const [asked] = cast.calls(task, 'judge').map(({ body }) => JSON.stringify(body))
    expect(asked).toContain('A calculator.')
    expect(asked).toContain('No idea.')
  })

  it.concurrent('is made once for one clientMutationId', async () => {
    const projectId = await readyProject(server)
    const task = cast.task('Once.')
    const input = { projectId, message: task, clientMutationId: 'the same' }
    const ids = await Promise.all([1, 2, 3].map(() => made(server, 'startRun', { input })))
    expect(new Set(ids).size).toBe(1)
    expect(await made(server, 'startRun', { input })).toBe(ids[0])
    const { checkpoints } = await endedRun(server, ids[0] ?? '')
    expect(cast.calls(task, 'coder')).toHaveLength(4)
    // Those who came second keep nothing in the repository.
    const refs = await gitOf(server, projectId, 'for-each-ref', 'refs/countersign/checkpoints')
    expect(refs.split('\n')).toHaveLength(checkpoints.length)
  })

  it.concurrent('is refused where its input makes no sense, and nothing is called', async () => {
    const projectId = await readyProject(server)
    const task = cast.task('Refused.')
    const faults: readonly [object, RegExp][] = [
      [{ message: ' ' }, /must not be empty/],
      [{ history: [{ role: 'CODER', text: 'I begin.' }] }, /must begin with a message of the USER/],
      [{ history: [{ role: 'USER', text: '' }] }, /must not be empty/],
      [{ subagents: [{ provider: 'OPENAI' }, { provider: 'OPENAI', label: 'A' }] }, /labels must differ/],
      [{ subagents: Array.from({ length: 101 }, () => ({ provider: 'OPENAI' })) }, /at most 100/],
      [{ metadata: { text: 'x'.repeat(20_001) } }, /at most 20000 characters/],
      [{ budget: { maxTokens: -1 } }, /must not be negative/],
    ]
    for (const [input, message] of faults) {
      const answer = await mutate(server, 'startRun', { input: { projectId, message: task, ...input } })
      expect(answer).toMatchObject({ __typename: 'ValidationError', message: expect.stringMatching(message) })
    }
    expect(cast.calls(task)).toEqual([])
  })

  it.concurrent('is started, canceled and forked by AUTHORs, read by VIEWERs, and does not exist for others', async () => {
    const projectId = await readyProject(server)
    const task = cast.task('Roles.')
    const viewer = await actorWithToken(server, { name: 'viewer', role: 'VIEWER' })
    const stranger = await actorWithToken(server, { name: 'stranger' })
    const run = await endedRun(server, await startedRun(server, projectId, task))
    const [{ id: candidateId }] = run.candidates
    const attempts: readonly [string, object][] = [
      ['startRun', { input: { projectId, message: task } }],
      ['forkRun', { input: { checkpointId: run.checkpoints[0].id, label: 'x' } }],
      ['cancelRun', { id: run.id }],
      ['proposeCandidate', { candidateId }],
    ]
    for (const [name, variables] of attempts) {
      expect((await mutate(server, name, variables, viewer.token)).__typename).toBe('ForbiddenError')
      expect((await mutate(server, name, variables, stranger.token)).__typename).toBe('NotFoundError')
    }
    const read = async (token: string) =>
      (await server.query('query ($id: ID!) { node(id: $id) { ... on AgentRun { status } } }', { id: run.id }, token))
        .node
    expect(await read(viewer.token)).toEqual({ status: 'COMPLETED' })
    expect(await read(stranger.token)).toBeNull()
  })

  it.concurrent('is in the list of its project, newest first', async () => {
    const projectId = await readyProject(server)
    const tasks = [1, 2].map((number) => cast.task(`List ${number}.`, { coder: () => says('Fine.') }))
    const ids: string[] = []
    for (const task of tasks) ids.push((await endedRun(server, await startedRun(server, projectId, task))).id)
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Project { runs(ownOnly: true, first: 5) { edges { node { id } } } } } }',
      { id: projectId },
    )
    expect(node.runs.edges.map((edge: { node: { id: string } }) => edge.node.id)).toEqual(ids.reverse())
  })

  it.concurrent('that is canceled makes no further call and keeps what it has', async () => {
    const arrived = Promise.withResolvers<void>()
    const task = cast.task('Cancel me.', {
      coder: ({ provider, turn }) => {
        if (provider === 'ANTHROPIC') return undefined
        if (turn === 0) return writes('half.txt', 'half\n')
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const id = await startedRun(server, await readyProject(server), task)
    await arrived.promise
    await candidateEnded(server, id, 'B')
    expect(await mutate(server, 'cancelRun', { id })).toMatchObject({ __typename: 'AgentRun' })
    expect(await mutate(server, 'cancelRun', { id })).toMatchObject({ __typename: 'InvalidTransitionError' })
    const run = await readRun(server, id)
    expect(run).toMatchObject({ status: 'CANCELED', decision: null, budget: null })
    expect(run.candidates.map(({ status }: never) => status)).toEqual(['CANCELED', 'COMPLETED'])
    expect(run.candidates[0].toolCalls).toHaveLength(1)
    expect(cast.calls(task, 'coder')).toHaveLength(4)
  })
})
