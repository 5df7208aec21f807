import { z } from 'zod'
import type { Services } from '../shared/services.ts'
import { runTestCase } from '../testing/run-test-case.ts'
import type { TestCaseRow } from '../testing/test-case.entity.ts'
import { describeResults } from '../testing/test-report.ts'
import { refuse, succeed } from './workspace.ts'
import { defineTool, type Tool } from './workspace-tools.ts'

/** Lets an agent run the project's tests on its workspace, in the same sandbox that decides later. */
export const runTestsTool = (testCases: readonly TestCaseRow[]): Tool =>
  defineTool(
    'run_tests',
    `Runs tests on the workspace as it is now. names: some of ${JSON.stringify(testCases.map(({ name }) => name))}, or null for all.`,
    z.strictObject({ names: z.array(z.string().max(200)).min(1).max(100).nullable() }),
    async (services: Services, workspace, args, signal) => {
      const wanted = args.names ? testCases.filter(({ name }) => args.names?.includes(name)) : testCases
      const unknown = (args.names ?? []).filter((name) => !testCases.some((testCase) => testCase.name === name))
      if (unknown.length > 0) return refuse(workspace, `There is no test named ${unknown.join(', ')}.`)
      const results = await Promise.all(
        wanted.map(async (testCase) => ({
          name: testCase.name,
          ...(await runTestCase(services, { ...testCase, ...workspace }, signal)),
        })),
      )
      signal.throwIfAborted()
      return succeed(workspace, describeResults(results))
    },
  )
