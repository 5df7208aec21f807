import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { playedSprint, readSprint, testCase, testedProject } from '../factories/agents.ts'
import { made, mutate } from '../factories/api.ts'
import { byProvider, createCast, inTurns, judges, says, uses, writes } from '../factories/cast.ts'
import { gitOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { candidateEnded, endedRun, manyCandidates, readRun, startedRun } from '../factories/runs.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ pools: manyCandidates, overrides: { rehearsalOptions: cast.rehearsalOptions } })
})
afterAll(() => server[Symbol.asyncDispose]())

describe('a candidate that is proposed', () => {
  const shown = async (id: string) =>
    (
      await server.query(
        `query ($id: ID!) { node(id: $id) { ... on Diff {
          origin status commitMessage prompt content files { path } baseCommit sprint { id } candidate { id }
          author { kind name } requestedBy { id } latestTestRun { total }
        } } }`,
        { id },
      )
    ).node

  it.concurrent('though the judge chose another: the diff is tested and reviewed like any other, and the decision is the person’s', async () => {
    const projectId = await readyProject(server)
    await testCase(server, projectId, 'there is a file', ['ls', 'done.txt'])
    const author = await actorWithToken(server, { name: 'author', role: 'AUTHOR' })
    const task = cast.task('Overrule.', {
      coder: byProvider({
        OPENAI: inTurns(writes('done.txt', 'a\n'), says('# Say `a`\n\nIt is short.')),
        ANTHROPIC: inTurns(writes('done.txt', 'b\n'), says('Say b')),
      }),
      judge: ({ body }) => judges(JSON.stringify(body).indexOf('+b') < JSON.stringify(body).indexOf('+a') ? 'A' : 'B'),
    })
    const run = await endedRun(server, await startedRun(server, projectId, task))
    expect(run.decision).toMatchObject({ method: 'JUDGE', selected: { label: 'B' } })
    const [a, b] = run.candidates
    const id = await made(server, 'proposeCandidate', { candidateId: a.id }, author.token)
    expect(await shown(id)).toMatchObject({
      origin: 'EXTERNAL',
      status: 'PROPOSED',
      commitMessage: 'Say a\n\nIt is short.',
      prompt: task,
      content: expect.stringContaining('+a'),
      files: [{ path: 'done.txt' }],
      baseCommit: run.input.baseCommit,
      sprint: null,
      candidate: { id: a.id },
      author: { kind: 'AGENT' },
      requestedBy: run.createdBy,
      latestTestRun: { total: 1 },
    })
    const { decision } = await readRun(server, run.id)
    expect(decision).toMatchObject({
      method: 'PERSON',
      selected: { label: 'A' },
      rationale: run.decision.rationale,
      scores: run.decision.scores,
      overruled: { method: 'JUDGE', selected: { label: 'B' } },
      overruledBy: { id: author.id },
    })
    // A second click, and two at once, give the diff that there is; the judge's choice has its own.
    const again = await Promise.all([1, 2].map(() => made(server, 'proposeCandidate', { candidateId: a.id })))
    expect(again).toEqual([id, id])
    const both = await Promise.all([1, 2, 3].map(() => made(server, 'proposeCandidate', { candidateId: b.id })))
    expect(new Set(both).size).toBe(1)
    expect(both[0]).not.toBe(id)
    expect((await readRun(server, run.id)).decision).toMatchObject({
      method: 'PERSON',
      selected: { label: 'B' },
      overruled: { method: 'JUDGE', selected: { label: 'B' } },
    })
  })

  it.concurrent('that was selected leaves the decision as it is; under a message of one’s own', async () => {
    const run = await endedRun(server, await startedRun(server, await readyProject(server), cast.task('Take it.')))
    const [candidate] = run.candidates.filter(({ label }: never) => label === run.decision.selected.label)
    const commitMessage = 'My own words'
    const forged = { candidateId: candidate.id, commitMessage: 'Mine\n\nReviewed-by: somebody' }
    expect(await mutate(server, 'proposeCandidate', forged)).toMatchObject({ __typename: 'ValidationError' })
    const id = await made(server, 'proposeCandidate', { candidateId: candidate.id, commitMessage })
    expect(await shown(id)).toMatchObject({ commitMessage })
    expect((await readRun(server, run.id)).decision).toEqual(run.decision)
  })

  it.concurrent('must have a result, a change, and a run on which nobody works', async () => {
    const arrived = Promise.withResolvers<void>()
    const task = cast.task('Half.', {
      coder: byProvider({
        OPENAI: () => {
          arrived.resolve()
          return { kind: 'hang' }
        },
        ANTHROPIC: () => says('There is nothing to do.'),
      }),
    })
    const id = await startedRun(server, await readyProject(server), task)
    await arrived.promise
    await candidateEnded(server, id, 'B')
    const [hanging, nothing] = (await readRun(server, id)).candidates
    const propose = (candidateId: string) => mutate(server, 'proposeCandidate', { candidateId })
    expect(await propose(hanging.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'RUNNING' })
    expect(await propose(nothing.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'RUNNING' })
    await made(server, 'cancelRun', { id })
    expect(await propose(hanging.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'CANCELED' })
    expect(await propose(nothing.id)).toMatchObject({ __typename: 'PatchRejectedError' })
    expect((await readRun(server, id)).decision).toBeNull()
  })

  it.concurrent('of a run that was canceled before it decided is a decision of the person alone', async () => {
    const task = cast.task('Rescue.', { coder: byProvider({ OPENAI: () => ({ kind: 'hang' }) }) })
    const id = await startedRun(server, await readyProject(server), task)
    await candidateEnded(server, id, 'B')
    await made(server, 'cancelRun', { id })
    const [, done] = (await readRun(server, id)).candidates
    await made(server, 'proposeCandidate', { candidateId: done.id })
    expect((await readRun(server, id)).decision).toMatchObject({
      method: 'PERSON',
      selected: { label: 'B' },
      overruled: null,
    })
  })

  it.concurrent('of a run on a commit that the branch does not have is refused in words', async () => {
    const projectId = await readyProject(server)
    const tree = await gitOf(server, projectId, 'rev-parse', 'main^{tree}')
    const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.com']
    const oid = await gitOf(server, projectId, ...identity, 'commit-tree', '-m', 'Elsewhere', tree)
    await gitOf(server, projectId, 'update-ref', 'refs/heads/elsewhere', oid)
    const run = await endedRun(
      server,
      await startedRun(server, projectId, cast.task('Elsewhere.'), { revision: 'elsewhere' }),
    )
    expect(await mutate(server, 'proposeCandidate', { candidateId: run.candidates[0].id })).toMatchObject({
      __typename: 'ValidationError',
      message: expect.stringContaining('is not a commit of the branch main'),
    })
  })

  it.concurrent('of a sprint is the sprint’s diff; a rejection goes on from it, and not from what the judge chose', async () => {
    const task = cast.task('Overrule a sprint.', {
      coder: (call) => {
        if (JSON.stringify(call.body).includes('Twice, please.')) {
          const edit = uses('edit_file', { path: 'done.txt', oldText: 'b', newText: 'b b' })
          return inTurns(edit, says('Say b twice'))(call)
        }
        return inTurns(writes('done.txt', call.provider === 'OPENAI' ? 'a\n' : 'b\n'), says('Say it'))(call)
      },
      judge: () => judges('TIE', { A: 0.5, B: 0.5 }),
    })
    const sprint = await playedSprint(server, task)
    const [, coding] = sprint.phases
    const [{ candidates, decision }] = coding.runs
    expect(decision).toMatchObject({ method: 'JUDGE', selected: { label: 'A' } })
    // What was selected has its diff already.
    expect(await made(server, 'proposeCandidate', { candidateId: candidates[0].id })).toBe(sprint.diff.id)
    const id = await made(server, 'proposeCandidate', { candidateId: candidates[1].id })
    expect(id).not.toBe(sprint.diff.id)
    expect(await shown(id)).toMatchObject({
      origin: 'SPRINT',
      sprint: { id: sprint.id },
      content: expect.stringContaining('+b'),
    })
    const after = await readSprint(server, sprint.id)
    expect(after.diff).toMatchObject({ id, iteration: 1 })
    expect(after.phases[1].runs[0].decision).toMatchObject({ method: 'PERSON', selected: { label: 'B' } })
    await made(server, 'reviewDiff', {
      diffId: id,
      verdict: 'REJECT',
      feedback: 'Twice, please.',
      contentHash: after.diff.contentHash,
      evaluationHash: after.diff.safety.evaluationHash,
    })
    let completed = 0
    await server.event('SprintChanged', (body) => {
      if (body.sprintId === rowId(sprint.id) && body.status === 'COMPLETED') completed += 1
      return completed === 2
    })
    expect((await readSprint(server, sprint.id)).diff).toMatchObject({
      iteration: 2,
      content: expect.stringContaining('+b b'),
    })
  })

  it.concurrent('of a sprint leaves the first diff over: to reject that one begins no iteration, and the sprint stays as it is', async () => {
    const task = cast.task('Clear up.', {
      coder: (call) => inTurns(writes('done.txt', call.provider === 'OPENAI' ? 'a\n' : 'b\n'), says('Say it'))(call),
      judge: () => judges('TIE', { A: 0.5, B: 0.5 }),
    })
    const sprint = await playedSprint(server, task)
    const id = await made(server, 'proposeCandidate', { candidateId: sprint.phases[1].runs[0].candidates[1].id })
    await made(server, 'reviewDiff', {
      diffId: sprint.diff.id,
      verdict: 'REJECT',
      feedback: 'We take the other one.',
      contentHash: sprint.diff.contentHash,
      evaluationHash: sprint.diff.safety.evaluationHash,
    })
    const after = await readSprint(server, sprint.id)
    expect(after).toMatchObject({ status: 'COMPLETED', diff: { id, status: 'PROPOSED', iteration: 1 } })
  })

  it.concurrent('of a sprint that is at work, of an interview, a plan or a verification is refused', async () => {
    const arrived = Promise.withResolvers<void>()
    const task = cast.task('At work.', {
      verifier: () => {
        arrived.resolve()
        return { kind: 'hang' }
      },
    })
    const spec = await validatedSpec(server, await testedProject(server), task)
    const id = await startedSprint(server, spec)
    await arrived.promise
    const [discovery, coding, verification] = (await readSprint(server, id)).phases
    const propose = (candidateId: string) => mutate(server, 'proposeCandidate', { candidateId })
    expect(await propose(coding.runs[0].candidates[0].id)).toMatchObject({
      __typename: 'InvalidTransitionError',
      from: 'ACTIVE',
    })
    expect(await propose(verification.runs[0].candidates[0].id)).toMatchObject({ __typename: 'InvalidTransitionError' })
    await made(server, 'cancelSprint', { id })
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Spec { interview { candidates { id } } } } }',
      { id: spec },
    )
    expect(await propose(node.interview.candidates[0].id)).toMatchObject({
      __typename: 'ValidationError',
      message: expect.stringContaining('is of INTERVIEW'),
    })
    expect(await propose(discovery.runs[0].candidates[1].id)).toMatchObject({
      __typename: 'ValidationError',
      message: expect.stringContaining('is of DISCOVERY'),
    })
    expect((await propose(coding.runs[0].candidates[0].id)).__typename).toBe('Diff')
  })
})
