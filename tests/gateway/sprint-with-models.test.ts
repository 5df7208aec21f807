import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { testCase } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { askInPython, recordedCalls } from './support.ts'

const skipReason = await reasonToSkip()

/** Called when a test's own call has come, which is then not answered. */
let held: () => void = () => {}
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    overrides: {
      rehearsalOptions: {
        intercept: ({ body }) => {
          if (!JSON.stringify(body).includes('Hello from a test.')) return undefined
          held()
          return { kind: 'hang' }
        },
      },
    },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

describe.skipIf(skipReason !== null)(
  `a sprint whose test calls models${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  () => {
    it('pays for it, but not for the agents to run it; canceled, it settles what the test had under way', async () => {
      const { promise: come, resolve } = Promise.withResolvers<void>()
      held = resolve
      const projectId = await readyProject(server, { budget: { maxTokens: 10_000_000 } })
      const files = [{ path: 'ask.py', text: askInPython }]
      const command = ['python3', '-c', 'from ask import *; print(openai(instructions="Hello from a test.")[0])']
      await testCase(server, projectId, { name: 'metered', command, files, allowModels: true, timeoutMs: 60_000 })
      const sprintId = await startedSprint(server, await validatedSpec(server, projectId))
      await come
      const ofTests = async () => (await recordedCalls(server, projectId)).filter(({ agent }) => agent === 'test')
      expect((await ofTests()).map(({ status }) => status)).toContain('SENT')
      const { node } = await server.query(
        `query ($id: ID!) { node(id: $id) { ... on Sprint { phases { runs { candidates { toolCalls { name result } } } } } } }`,
        { id: sprintId },
      )
      // biome-ignore lint/suspicious/noExplicitAny: what was asked for above
      const toolCalls = node.phases.flatMap(({ runs }: any) => runs).flatMap(({ candidates }: any) => candidates)
      const tried = toolCalls
        // biome-ignore lint/suspicious/noExplicitAny: as above
        .flatMap((candidate: any) => candidate.toolCalls)
        .filter(({ name }: { name: string }) => name === 'run_tests')
      expect(tried.length).toBeGreaterThan(0)
      for (const { result } of tried) expect(result).toContain('There are no tests.')

      await server.query('mutation ($id: ID!) { cancelSprint(id: $id) { __typename } }', { id: sprintId })
      expect((await ofTests()).every(({ status }) => status === 'LOST')).toBe(true)
      const reserved = await server.context.services.em().execute(
        `select sum(reserved_tokens)::int as tokens from budget where id in
          (select budget_id from project where id = ? union select budget_id from sprint where id = ?)`,
        [rowId(projectId), rowId(sprintId)],
      )
      expect(reserved).toEqual([{ tokens: 0 }])
    })
  },
)
