import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { refreshApproval } from '../approval/refresh-approval.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import type { DiffRow } from '../diff/diff.entity.ts'
import { findDiff } from '../diff/find-diff.ts'
import { InvalidTransitionError, NotFoundError, SandboxUnavailableError } from '../errors.ts'
import { testingSandbox } from '../process/testing-sandbox.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { fieldFault, validate } from '../shared/validate.ts'
import { detectedTestCases } from './detected-test-cases.ts'
import { openTestRun, projectTestCases } from './open-test-run.ts'
import type { TestCaseRow } from './test-case.entity.ts'
import { definitionOf } from './test-definition.entity.ts'

const input = z.object({
  diffId: z.uuid(),
  testCaseIds: z.array(z.uuid()).min(1, 'names no test: leave it out for all quick ones').max(1_000).nullish(),
  force: z.boolean().nullish(),
})
export type TestDiffInput = z.input<typeof input>

const choose = (all: readonly TestCaseRow[], ids: readonly string[] | null | undefined): readonly TestCaseRow[] => {
  if (ids) {
    const unknown = ids.find((id) => !all.some((testCase) => testCase.id === id))
    if (unknown !== undefined) throw new NotFoundError('test case', unknown)
    return all.filter(({ id }) => ids.includes(id))
  }
  const quick = all.filter((testCase) => testCase.quick)
  if (quick.length > 0) return quick
  throw fieldFault(
    'testCaseIds',
    all.length > 0
      ? 'the project has no quick test: name those to run'
      : 'the project has no tests, and none were found in what the diff results in: make one with createTestCase, Project.proposedTestCases says which it could have',
  )
}

/** A test run of the diff that has not ended and runs just these tests, as they are defined now. */
const underWay = async (
  tx: Transaction,
  diff: Pick<DiffRow, 'id' | 'resultTree'>,
  testCases: readonly TestCaseRow[],
): Promise<string | undefined> => {
  const results = await rows(tx.em)
    .selectFrom('TestResult')
    .innerJoin('TestRun', 'TestRun.id', 'TestResult.testRunId')
    .select(['TestRun.id', 'TestResult.testCaseId', 'TestResult.definitionHash'])
    .where('TestRun.diffId', '=', diff.id)
    .where('TestRun.tree', '=', diff.resultTree)
    .where('TestRun.basis', '=', 'WORKSPACE')
    .where('TestRun.status', 'in', ['QUEUED', 'RUNNING'])
    .execute()
  const wanted = new Set(testCases.map((testCase) => `${testCase.id} ${definitionOf(testCase).hash}`))
  const running = Map.groupBy(results, ({ id }) => id)
  for (const [id, tests] of running) {
    const isSame = ({ testCaseId, definitionHash }: (typeof tests)[number]) =>
      wanted.has(`${testCaseId} ${definitionHash}`)
    if (tests.length === wanted.size && tests.every(isSame)) return id
  }
  return undefined
}

/** Where the project has no test case: the tests that the diff's result brings. */
const detectedOn = async (services: Services, viewer: Viewer, diffId: string): Promise<readonly TestCaseRow[]> => {
  const { projectId, tree, hasOwn } = await transact(services, async (tx) => {
    const { project, diff } = await findDiff(tx, viewer, diffId, 'AUTHOR')
    const own = await projectTestCases({ em: () => tx.em }, project.id)
    return { projectId: project.id, tree: diff.resultTree, hasOwn: own.length > 0 }
  })
  return hasOwn ? [] : detectedTestCases(services, projectId, tree)
}

/**
 * Runs tests on what a diff results in: those named, or the project's quick ones; where it has no test case, those that
 * the result brings. A diff in any state can be tested. What
 * is known of the same content is not run again, and a run of the same tests that is under way is answered as it is,
 * unless `force` asks for a new one. Where nobody runs tests just now, they wait for a worker.
 * @returns the test run's id
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, CapacityError
 * @throws SandboxUnavailableError when no worker that runs tests has anything to isolate them with, with what to install
 */
export const testDiff = async (services: Services, viewer: Viewer, given: TestDiffInput): Promise<string> => {
  const { diffId, testCaseIds, force } = validate(input, given)
  const sandbox = await testingSandbox(services)
  const detected = testCaseIds ? [] : await detectedOn(services, viewer, diffId)
  return transact(services, async (tx) => {
    const { project, diff } = await findDiff(tx, viewer, diffId, 'AUTHOR')
    if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
    const own = await projectTestCases({ em: () => tx.em }, project.id)
    const testCases = choose(own.length > 0 ? own : detected, testCaseIds)
    const running = force ? undefined : await underWay(tx, diff, testCases)
    if (running !== undefined) return running
    if (sandbox?.available === false)
      throw new SandboxUnavailableError(`${sandbox.reason} To fix it: ${sandbox.remedy}`)
    await requireCapacity(services, tx, project.id)
    const id = await openTestRun(services, tx, {
      subject: { projectId: project.id, sprintId: diff.sprintId ?? null, sessionId: diff.sessionId ?? null, diffId },
      diffId,
      requestedById: viewer.actor.id,
      tree: diff.resultTree,
      baseTree: diff.baseTree,
      basis: 'WORKSPACE',
      testCases,
      force: force ?? false,
    })
    await tx.em.flush()
    // Where the policy asks for passing tests, what is being tested again is not approved meanwhile.
    await refreshApproval(tx, diffId)
    return id
  })
}
