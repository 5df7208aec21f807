import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askedSpec, interviewedSpec, readSprint, settledInterview } from '../factories/agents.ts'
import { endedSprint, helloTask, readyProject, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { talked } from '../factories/sessions.ts'
import { testCase } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { liveProviders } from './providers.ts'

const providers = liveProviders(process.env)

/** What each project of this suite may cost at the most; a call whose worst case would pass it is not made. */
const budget = { maxCostUsd: Number(process.env.LIVE_BUDGET_USD ?? 2), maxTokens: 2_000_000 }

const passedOn = ['OPENAI', 'ANTHROPIC'].flatMap((name) => [`${name}_API_KEY`, `${name}_BASE_URL`, `${name}_MODEL`])

let server: TestServer
beforeAll(async () => {
  if (providers.length === 0) return
  const given = Object.fromEntries(passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
  server = await startTestServer({
    env: { ...given, REHEARSAL: 'never', ...(process.env.MODEL_PRICES && { MODEL_PRICES: process.env.MODEL_PRICES }) },
    overrides: { retry: {}, breaker: {} },
  })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

// Whatever file it is written to: that is for the model to decide.
const saysHello = [
  'python3',
  '-c',
  `import glob, subprocess, sys
out = [subprocess.run([sys.executable, f], capture_output=True, text=True).stdout.strip().lower() for f in glob.glob('**/*.py', recursive=True)]
assert 'hello world' in out, out`,
] as const

const project = async (): Promise<string> => {
  const projectId = await readyProject(server, { name: 'live', budget })
  await testCase(server, projectId, { name: 'says hello', command: saysHello, quick: true })
  return projectId
}

/** What it cost, told and within the budget. */
const expectPriced = (name: string, usage: { costUsd: number; calls: number; unpricedCalls?: number }) => {
  console.log(`${name}: ${usage.calls} calls, ${usage.costUsd} USD`)
  expect(usage.calls).toBeGreaterThan(0)
  expect(usage.costUsd).toBeLessThanOrEqual(budget.maxCostUsd)
}

describe.skipIf(providers.length === 0)('with real models', () => {
  it('each asks what it has to know, or nothing', async () => {
    const id = await askedSpec(server, await project(), helloTask)
    const { interview, assessment } = await interviewedSpec(server, id, settledInterview)
    expect(interview.failure).toBeNull()
    expect(interview.errors).toEqual([])
    expect(interview.candidates).toMatchObject(
      providers.map((provider) => ({ provider, status: 'COMPLETED', rehearsal: false })),
    )
    expect(['NEEDS_ANSWERS', 'ANSWERED']).toContain(interview.status)
    expect(assessment.complexity).toMatch(/^(SIMPLE|STANDARD|COMPLEX)$/)
    for (const { key, question } of interview.questions) {
      expect(key).toMatch(/^[a-z][a-z0-9_]*$/)
      expect(question.length).toBeGreaterThan(5)
    }
  })

  it.each(providers)('%s codes and judges in a session', async (provider) => {
    const projectId = await project()
    const session = await talked(server, projectId, helloTask, { coder: { provider }, evaluator: { provider } })
    const [diff] = session.diffs.nodes
    expect(diff, JSON.stringify(session.messages.nodes)).toBeDefined()
    expect(diff.files.some(({ path }: { path: string }) => path.endsWith('.py'))).toBe(true)
    expect(['EVALUATOR_APPROVED', 'EVALUATOR_REJECTED']).toContain(diff.status)
    expect(diff.evaluatorReasoning.length).toBeGreaterThan(10)
    expect(session.usage.calls).toBeGreaterThan(1)
  })

  it('all of them do a sprint, whose result passes its test and waits for a person', async () => {
    const projectId = await project()
    const spec = await validatedSpec(server, projectId, helloTask)
    const subagents = providers.map((provider) => ({ provider }))
    const id = await startedSprint(server, spec, { subagents, deadlineSeconds: 800 })
    await endedSprint(server, id)
    const sprint = await readSprint(server, id)
    expect(sprint.failure).toBeNull()
    expect(sprint.status).toBe('COMPLETED')
    expect(sprint.diff.status).toBe('PROPOSED')
    expect(sprint.diff.content).toMatch(/hello world/i)
    expectPriced('sprint', sprint.usage)
  })
})
