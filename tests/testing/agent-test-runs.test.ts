import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Sandbox } from '../../src/domain/ports/sandbox.ts'
import { runTestsTool } from '../../src/domain/run/run-tests-tool.ts'
import { projectTestCases } from '../../src/domain/testing/open-test-run.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { testCase } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const skipReason = await reasonToSkip()

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())

it.skipIf(skipReason !== null)("an agent's call for all tests does not run all of them at once", async () => {
  const projectId = await readyProject(server)
  for (let number = 1; number <= 8; number++) {
    await testCase(server, projectId, { name: `test ${number}`, command: ['true'] })
  }
  const { services } = server.context
  const id = rowId(projectId)
  const head = await services.git.branchHead(id, 'main')
  let running = 0
  let most = 0
  const run: Sandbox['run'] = async (command) => {
    most = Math.max(most, ++running)
    try {
      return await services.sandbox.run(command)
    } finally {
      running -= 1
    }
  }
  const answer = await runTestsTool(await projectTestCases(services, id), head).run(
    { ...services, sandbox: { ...services.sandbox, run } },
    { projectId: id, tree: await services.git.treeOf(id, String(head)) },
    { names: null },
    new AbortController().signal,
  )
  expect(answer.text.match(/^PASSED test \d$/gm)).toHaveLength(8)
  expect(most).toBe(2)
})
