import { afterAll, beforeAll, expect, it } from 'vitest'
import { unknownModelInputTokens } from '../../src/adapters/llm/context-limits.ts'
import { leftOutNote } from '../../src/domain/run/fit-context.ts'
import { playedSprint, testedProject } from '../factories/agents.ts'
import { createCast, says, uses, writes } from '../factories/cast.ts'
import { branchHas } from '../factories/diff-commands.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions } })
})
afterAll(() => server[Symbol.asyncDispose]())

it.each(['OPENAI', 'ANTHROPIC'])(
  'a conversation that outgrows its model leaves out its oldest results, all at once, and the work ends well: %s',
  async (provider) => {
    const projectId = await testedProject(server)
    await branchHas(server, projectId, {
      'big.txt': Array.from({ length: 12 }, (_, part) => `part ${part} ${'x'.repeat(27_000)}\n`).join(''),
    })
    const task = cast.task('Read it all.', {
      coder: ({ turn }) => {
        if (turn < 12) return uses('read_file', { path: 'big.txt', startLine: turn + 1, endLine: turn + 1 })
        return turn === 12 ? writes('done.txt', 'done\n') : says('Write done.txt')
      },
    })
    const sprint = await playedSprint(server, task, { projectId, sprint: { subagents: [{ provider }] } })
    expect(sprint.status).toBe('COMPLETED')

    const bodies = cast.calls(task, 'coder').map(({ body }) => JSON.stringify(body))
    expect(bodies).toHaveLength(14)
    for (const body of bodies) expect(body.length).toBeLessThan(unknownModelInputTokens * 1.3)
    const left = bodies.map((body) => body.split(leftOutNote).length - 1)
    expect(left[0]).toBe(0)
    expect(left).toEqual(left.toSorted((a, b) => a - b))
    // Few steps, of several results each: in between, what was sent before is sent again as it was.
    const steps = new Set(left).size - 1
    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThan(5)
    const last = bodies.at(-1) ?? ''
    expect(last).not.toContain('part 0 xx')
    expect(last).toContain('part 11 xx')

    // What was left out of the conversation is not lost to people.
    const coding = sprint.phases.find(({ kind }: { kind: string }) => kind === 'CODING')
    const [{ toolCalls }] = coding.runs[0].candidates
    expect(toolCalls[0].result).toContain('part 0 xx')
  },
)
