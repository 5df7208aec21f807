import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fault } from '../../src/adapters/rehearsal/fault.ts'
import { playedSprint } from '../factories/agents.ts'
import {
  answersStatus,
  byProvider,
  createCast,
  createMeeting,
  inTurns,
  refuses,
  says,
  uses,
  writes,
} from '../factories/cast.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  const retry = { attempts: 3, baseDelayMs: 1 }
  server = await startTestServer({
    env: { MODEL_SILENCE_SECONDS: '3' },
    overrides: { rehearsalOptions: cast.rehearsalOptions, retry },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const phase = (sprint: Awaited<ReturnType<typeof playedSprint>>, kind: string, attempt = 1) =>
  sprint.phases.find((one: { kind: string; attempt: number }) => one.kind === kind && one.attempt === attempt)

interface Case {
  readonly name: string
  readonly fault: Fault
  readonly code: string
  readonly retryable: boolean
  readonly asked: number
}

const cases: readonly Case[] = [
  { name: 'key', fault: answersStatus(401), code: 'unauthorized', retryable: false, asked: 1 },
  { name: 'rate', fault: answersStatus(429, '0'), code: 'rate_limited', retryable: true, asked: 3 },
  { name: 'server', fault: answersStatus(500), code: 'server_error', retryable: true, asked: 3 },
  { name: 'cut', fault: { kind: 'cut' }, code: 'cut_stream', retryable: true, asked: 3 },
  { name: 'malformed', fault: { kind: 'malformed' }, code: 'malformed_answer', retryable: true, asked: 3 },
  { name: 'hang', fault: { kind: 'hang' }, code: 'timeout', retryable: true, asked: 1 },
  { name: 'refusal', fault: refuses('That I will not do.'), code: 'refused', retryable: false, asked: 1 },
  { name: 'limit', fault: says('word '.repeat(20_000)), code: 'output_limit', retryable: false, asked: 1 },
  { name: 'nothing', fault: says(''), code: 'empty_answer', retryable: false, asked: 1 },
]

// Each candidate is told its case in its own instructions.
const caseOf = (body: unknown): Case | undefined => {
  const name = /The requester adds:\\ncase (\w+)/.exec(JSON.stringify(body))?.[1]
  return cases.find((one) => one.name === name)
}

describe('a provider that fails', () => {
  it.concurrent.for([
    ['OPENAI', 'ANTHROPIC', ['key', 'rate', 'server', 'cut', 'hang', 'refusal', 'limit']],
    ['ANTHROPIC', 'OPENAI', ['key', 'rate', 'cut', 'malformed', 'refusal', 'limit', 'nothing']],
  ] as const)(
    'ends only its own candidate, with the reason, after the retries that make sense: %s',
    async ([provider, other, names]) => {
      const failing = cases.filter(({ name }) => (names as readonly string[]).includes(name))
      const task = cast.task('Survive.', {
        planner: ({ body }) => caseOf(body)?.fault,
        coder: ({ body }) => caseOf(body) && answersStatus(401),
      })
      const told = failing.map(({ name }) => ({ provider, label: name, instructions: `case ${name}` }))
      const subagents = [...told, { provider: other, label: 'works' }]
      const sprint = await playedSprint(server, task, { sprint: { subagents } })
      const [discovery] = phase(sprint, 'DISCOVERY').runs
      expect(discovery.errors.map(({ code, retryable }: Case) => [code, retryable])).toEqual(
        failing.map(({ code, retryable }) => [code, retryable]),
      )
      expect(discovery.errors.every(({ message }: { message: string }) => message.length > 10)).toBe(true)
      expect(discovery.decision).toMatchObject({ method: 'ONLY_CANDIDATE', selected: { label: 'works' } })
      const asked = (one: Case) => cast.calls(task, 'planner').filter(({ body }) => caseOf(body) === one).length
      expect(failing.map((one) => [one.name, asked(one)])).toEqual(failing.map((one) => [one.name, one.asked]))
      expect(sprint).toMatchObject({ status: 'COMPLETED', diff: { files: [{ path: 'done.txt' }] } })
    },
  )

  it.concurrent('and recovers leaves no trace but the retry: a call that was refused twice is answered the third time', async () => {
    let refused = 0
    const task = cast.task('Recover.', {
      coder: ({ provider, turn }) =>
        provider === 'OPENAI' && turn === 0 && refused++ < 2 ? answersStatus(429, '0') : undefined,
    })
    const sprint = await playedSprint(server, task)
    expect(sprint.status).toBe('COMPLETED')
    expect(phase(sprint, 'CODING').runs[0].errors).toEqual([])
    expect(refused).toBe(3)
  })

  it.concurrent('and the others too: the sprint FAILS with every reason', async () => {
    const task = cast.task('All down.', {
      coder: byProvider({ OPENAI: () => answersStatus(503), ANTHROPIC: () => refuses('Not that.') }),
    })
    const sprint = await playedSprint(server, task)
    expect(sprint).toMatchObject({ status: 'FAILED', diff: null })
    expect(sprint.failure).toMatch(/^A \(OPENAI\): OpenAI answered 503.*\nB \(ANTHROPIC\): Not that\.$/)
    expect(phase(sprint, 'CODING')).toMatchObject({ status: 'FAILED', summary: sprint.failure })
    expect(phase(sprint, 'CODING').runs[0].status).toBe('FAILED')
  })

  it.concurrent('to write a plan is a candidate without a result, whatever it says', async () => {
    const task = cast.task('No plan.', {
      planner: byProvider({ OPENAI: () => says('I have a plan, trust me.') }),
    })
    const sprint = await playedSprint(server, task)
    expect(phase(sprint, 'DISCOVERY').runs[0].errors).toMatchObject([{ provider: 'OPENAI', code: 'no_plan' }])
    expect(sprint.status).toBe('COMPLETED')
  })
})

describe('a tool that fails', () => {
  const mistakes = [
    ['rm_rf', '{}', 'There is no tool named rm_rf. The tools are: read_file,'],
    ['write_file', '{"path": "a.txt", "content', 'The arguments are not JSON:'],
    ['write_file', '["a.txt"]', 'The arguments are not valid:'],
    ['write_file', '{"path": "a.txt"}', 'The arguments are not valid:'],
    ['write_file', '{"path":"a.txt","content":"","mode":"0777"}', 'The arguments are not valid:'],
    ['write_file', '{"path":"../a.txt","content":""}', '../a.txt'],
    ['run_tests', '{"names":["no such test"]}', 'There is no test named no such test.'],
  ] as const

  it.concurrent.for(['OPENAI', 'ANTHROPIC'] as const)(
    'tells the model verbatim, and the run goes on: %s',
    async (provider) => {
      const task = cast.task('Make mistakes.', {
        coder: inTurns(...mistakes.map(([name, args]) => uses(name, args)), writes('done.txt', 'done\n'), says('Done')),
      })
      const sprint = await playedSprint(server, task, { sprint: { subagents: [{ provider }] } })
      expect(sprint.status).toBe('COMPLETED')
      const [{ toolCalls }] = phase(sprint, 'CODING').runs[0].candidates
      expect(toolCalls).toHaveLength(mistakes.length + 1)
      const lastBody = JSON.stringify(cast.calls(task, 'coder').at(-1)?.body)
      for (const [index, [name, , words]] of mistakes.entries()) {
        const call = toolCalls[index]
        expect(call).toMatchObject({ name, isError: true, result: expect.stringContaining(words) })
        expect(lastBody).toContain(JSON.stringify(`<tool_result>\n${call.result}\n</tool_result>`))
      }
      expect(toolCalls.at(-1).isError).toBe(false)
    },
  )

  it.concurrent('with NUL and broken surrogates in values and names is stored, and the run goes on', async () => {
    const task = cast.task('NUL.', {
      coder: inTurns(
        uses('write_file', '{"path":"nul\\u0000.txt","content":"a","b\\u0000\\ud800":{"\\u0000":"\\udfff"}}'),
        uses('write_file', '{"path":"nul\\u0000.txt","content":"a"}'),
        uses('write_file', { path: 'done.txt', content: 'a\u0000b' }),
        says('Write \u0000 done.txt'),
      ),
    })
    const sprint = await playedSprint(server, task)
    expect(sprint.status).toBe('COMPLETED')
    const { candidates } = phase(sprint, 'CODING').runs[0]
    for (const { output, toolCalls } of candidates) {
      expect(output).toBe('Write \ufffd done.txt')
      expect(toolCalls.map(({ isError }: { isError: boolean }) => isError)).toEqual([true, true, false])
    }
  })
})

it.concurrent('candidates work at the same time in workspaces of their own, each with its checkpoints', async () => {
  const bothWrote = createMeeting(2)
  const file = (provider: string) => `${provider.toLowerCase()}.txt`
  const task = cast.task('Stay apart.', {
    coder: async ({ provider, turn }) => {
      if (turn === 0) return writes(file(provider), `${provider}\n`)
      if (turn === 1) await bothWrote()
      return turn === 1 ? uses('list_dir', { path: '' }) : says(`Write ${file(provider)}`)
    },
  })
  const sprint = await playedSprint(server, task)
  const [run] = phase(sprint, 'CODING').runs
  for (const { provider, toolCalls, patch } of run.candidates) {
    expect(toolCalls.at(-1).result).toBe(file(provider))
    expect(patch.match(/^diff --git .*$/gm)).toEqual([`diff --git a/${file(provider)} b/${file(provider)}`])
  }
  const label = ({ label }: { label: string }) => label
  expect(run.checkpoints.map(({ sequence }: { sequence: number }) => sequence)).toEqual([0, 1, 2, 3])
  expect(run.checkpoints.map(label).sort()).toEqual(['candidate:A', 'candidate:B', 'decision', 'start'])
  const tree = (wanted: string) => run.checkpoints.find((one: { label: string }) => label(one) === wanted).tree
  expect(new Set(['start', 'candidate:A', 'candidate:B'].map(tree)).size).toBe(3)
  expect(tree('decision')).toBe(tree(`candidate:${run.decision.selected.label}`))
})
