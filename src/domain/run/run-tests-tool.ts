import pLimit from 'p-limit'
import { z } from 'zod'
import { awaitEnvironment } from '../environment/await-environment.ts'
import { committedTree } from '../environment/committed-tree.ts'
import type { Services } from '../shared/services.ts'
import { detectedTestCases } from '../testing/detected-test-cases.ts'
import { runTestCase } from '../testing/run-test-case.ts'
import type { TestCaseRow } from '../testing/test-case.entity.ts'
import { describeResults } from '../testing/test-report.ts'
import { defineTool, type Tool } from './tool.ts'
import { refuse, succeed } from './workspace.ts'

/** For one call: each takes the machine's memory, and beside too many others a test meets its limit of time. */
export const testsAtOnce = 2

/**
 * Lets an agent run the project's tests on its workspace, in the same sandbox that decides later. Tests that call models
 * are left out: an agent that tries again and again would spend on them without end, and they are run on its result.
 * Where the project has no test case, the tests that the workspace itself has by now are run.
 * @param baseCommit where the workspace began: the project's environment depends on it, and not on what the agent wrote
 */
export const runTestsTool = (all: readonly TestCaseRow[], baseCommit: string | null): Tool => {
  const own = all.filter(({ allowModels }) => !allowModels)
  const metered = all.filter(({ allowModels }) => allowModels).map(({ name }) => name)
  return defineTool(
    'run_tests',
    all.length > 0
      ? `Runs tests on the workspace as it is now. names: some of ${JSON.stringify(own.map(({ name }) => name))}, or null for all.`
      : 'Runs the tests that the workspace has by now, found from its root: pytest or unittest, the test script of package.json, vitest, node --test. names: null for all.',
    z.strictObject({ names: z.array(z.string().max(200)).min(1).max(100).nullable() }),
    async (services: Services, workspace, args, signal) => {
      const { projectId } = workspace
      const testCases = all.length > 0 ? own : await detectedTestCases(services, projectId, workspace.tree)
      const wanted = args.names ? testCases.filter(({ name }) => args.names?.includes(name)) : testCases
      const later = (args.names ?? []).filter((name) => metered.includes(name))
      if (later.length > 0)
        return refuse(workspace, `${later.join(', ')}: calls models, and is run once your work is done.`)
      const unknown = (args.names ?? []).filter((name) => !testCases.some((testCase) => testCase.name === name))
      if (unknown.length > 0) return refuse(workspace, `There is no test named ${unknown.join(', ')}.`)
      const baseTree = await committedTree(services, projectId, baseCommit)
      const environment = await awaitEnvironment(services, { projectId, baseTree }, signal)
      if (environment.state === 'FAILED') return refuse(workspace, environment.words)
      const slots = pLimit(testsAtOnce)
      const results = await slots.map(wanted, async (testCase) => ({
        name: testCase.name,
        ...(await runTestCase(services, { ...testCase, ...workspace, baseTree, environment: environment.use }, signal)),
      }))
      signal.throwIfAborted()
      return succeed(workspace, describeResults(results))
    },
  )
}
