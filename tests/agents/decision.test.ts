import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RehearsalCall } from '../../src/adapters/rehearsal/server.ts'
import { playedSprint, testCase } from '../factories/agents.ts'
import { byProvider, createCast, inTurns, judges, says, writes } from '../factories/cast.ts'
import { readyProject } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions, retry: { baseDelayMs: 1 } } })
})
afterAll(() => server[Symbol.asyncDispose]())

const textOf = ({ body }: RehearsalCall) => JSON.stringify(body)
/** Calls about changes, not about plans. */
const judged = (task: string) => cast.calls(task, 'judge').filter((call) => textOf(call).includes('diff --git'))
/** Whether a provider's change is shown to the judge as A. */
const isFirst = (call: RehearsalCall, marker: string) =>
  textOf(call).indexOf(marker) < textOf(call).indexOf('label=\\"B\\"')

const eachWrites = byProvider({
  OPENAI: inTurns(writes('done.txt', 'by openai\n'), says('Done')),
  ANTHROPIC: inTurns(writes('done.txt', 'by anthropic\n'), says('Done')),
})
const codingRun = (sprint: Awaited<ReturnType<typeof playedSprint>>) => {
  expect(sprint.failure).toBeNull()
  return sprint.phases.find(({ kind }: { kind: string }) => kind === 'CODING').runs[0]
}

it.concurrent('tests decide before anybody is asked: the one that fails none wins, without a call to the judge', async () => {
  const task = cast.task('By tests.', { coder: eachWrites, judge: () => judges('A', { A: 1, B: 0 }) })
  const projectId = await readyProject(server)
  await testCase(server, projectId, 'by anthropic', ['grep', '-q', 'anthropic', 'done.txt'])
  const { decision, candidates } = codingRun(await playedSprint(server, task, { projectId }))
  expect(decision).toMatchObject({ method: 'EVIDENCE', provider: null, failure: null, selected: { label: 'B' } })
  expect(decision.rationale).toContain('B over A by tests failed: 0 against 1')
  expect(candidates.map(({ metrics }: never) => metrics)).toMatchObject([
    { testsPassed: 0, testsFailed: 1 },
    { testsPassed: 1, testsFailed: 0 },
  ])
  expect(judged(task)).toEqual([])
})

it.concurrent('what the tests leave level is judged in both orders, by the judge that the sprint names', async () => {
  const task = cast.task('By the judge.', {
    coder: eachWrites,
    judge: (call) =>
      isFirst(call, 'by anthropic') ? judges('A', { A: 0.9, B: 0.2 }) : judges('B', { A: 0.4, B: 0.7 }),
  })
  const { decision } = codingRun(await playedSprint(server, task, { sprint: { judge: { provider: 'ANTHROPIC' } } }))
  expect(judged(task).map((call) => [call.provider, isFirst(call, 'by openai')])).toEqual([
    ['ANTHROPIC', true],
    ['ANTHROPIC', false],
  ])
  expect(decision).toMatchObject({ method: 'JUDGE', provider: 'ANTHROPIC', selected: { label: 'B' } })
  expect(decision.rationale).toBe(
    'B over A in both orders.\nWith A as A and B as B: B by what was shown.\nWith B as A and A as B: A by what was shown.',
  )
  const scores = Object.fromEntries(
    decision.scores.map(({ score, candidate }: never) => [(candidate as { label: string }).label, score]),
  )
  expect(scores.A).toBeCloseTo(0.3)
  expect(scores.B).toBeCloseTo(0.8)
})

it.concurrent('a judge that prefers a place names no winner: the mean score decides', async () => {
  const task = cast.task('Always the first.', {
    coder: eachWrites,
    judge: (call) => judges('A', isFirst(call, 'by anthropic') ? { A: 0.8, B: 0.4 } : { A: 0.4, B: 0.8 }),
  })
  const { decision } = codingRun(await playedSprint(server, task))
  expect(decision).toMatchObject({ method: 'JUDGE', selected: { label: 'B' } })
  expect(decision.rationale).toBe(
    'A and B: no winner in both orders (A, then A).\n' +
      'With A as A and B as B: A by what was shown.\nWith B as A and A as B: A by what was shown.',
  )
})

it.concurrent.each([
  ['prose', () => says('I like A.')],
  ['a score out of range', () => judges('A', { A: 8, B: 7 })],
])('a judge that answers with %s is recorded, and the first in the lead is taken as a FALLBACK', async (_, judge) => {
  const task = cast.task('No judgement.', { coder: eachWrites, judge })
  const { decision } = codingRun(await playedSprint(server, task))
  expect(decision).toMatchObject({ method: 'FALLBACK', provider: 'OPENAI', selected: { label: 'A' } })
  expect(decision.failure).toContain('not the judgement that was asked for')
  expect(judged(task)).toHaveLength(1)
})

it.concurrent('a candidate that changes nothing does not win by being the smallest', async () => {
  const task = cast.task('Do something.', {
    coder: byProvider({
      OPENAI: () => says('There was nothing to do.'),
      ANTHROPIC: inTurns(
        writes('done.py', 'import subprocess\n\nsubprocess.run(["true"])\n\n\nprint("done")\n'),
        says('Done'),
      ),
    }),
  })
  const { decision } = codingRun(await playedSprint(server, task))
  expect(decision).toMatchObject({ method: 'EVIDENCE', selected: { label: 'B' } })
})
