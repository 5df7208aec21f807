import type { EntityManager } from '@mikro-orm/postgresql'
import { uuidOf } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { projectTestCases } from './open-test-run.ts'
import { treeTestCases } from './propose-test-cases.ts'
import { isSupervised } from './runners/supervised.ts'
import type { TestCaseRow } from './test-case.entity.ts'
import { testCaseFields } from './test-case-input.ts'

/** Wall time of a test that nobody has set one for, in milliseconds: a whole suite may stand behind its command. */
const timeoutMs = 120_000

// A tree may say anything; what nobody could enter as a test case is not run either.
const isValid = ({ name, command }: Pick<TestCaseRow, 'name' | 'command'>): boolean =>
  testCaseFields.name.safeParse(name).success && testCaseFields.command.safeParse(command).success

// For Node a file without tests is a test that passes. Asked for tests by name it does not count such a file; this is any
// name.
const onlyNamed = (command: readonly string[]): readonly string[] => {
  const [program = '', ...rest] = command
  return program === 'node' && isSupervised(command) ? [program, '--test-name-pattern=.', ...rest] : command
}

/**
 * The tests that a tree's own files speak for, as they may be run on it. They are stored with the runs that they are in,
 * and never become the project's by themselves. The same command in the same project is the same test.
 */
export const detectedTestCases = async (
  services: Services,
  projectId: string,
  tree: string,
): Promise<readonly TestCaseRow[]> => {
  const proposed = await treeTestCases(services, projectId, tree)
  const now = services.clock()
  const tests = proposed.map(({ name, command }) => ({ name, command: onlyNamed(command) }))
  return tests.filter(isValid).map(({ name, command }) => ({
    id: uuidOf(`detected test ${projectId} ${JSON.stringify(command)}`),
    projectId,
    name,
    command,
    quick: true,
    timeoutMs,
    allowModels: false,
    files: [],
    createdAt: now,
    deletedAt: now,
  }))
}

// One that was never the project's was stored as deleted.
const wasDetected = ({ createdAt, deletedAt }: Pick<TestCaseRow, 'createdAt' | 'deletedAt'>): boolean =>
  deletedAt?.getTime() === createdAt.getTime()

const resultsWithCase = (em: EntityManager) =>
  rows(em)
    .selectFrom('TestResult')
    .innerJoin('TestRun', 'TestRun.id', 'TestResult.testRunId')
    .innerJoin('TestCase', 'TestCase.id', 'TestResult.testCaseId')
    .select(['TestResult.id', 'TestResult.testRunId', 'TestResult.command', 'TestResult.status'])
    .select(['TestCase.createdAt', 'TestCase.deletedAt'])

/**
 * Whether a test says, when it is PASSED, that something was tested: any that a person entered, since they chose the
 * command; a detected one only where a supervising process counts what was tested. A command that the change wrote, such
 * as `npm test`, may do nothing and end well.
 */
export const isTelling = (test: Pick<TestCaseRow, 'command' | 'createdAt' | 'deletedAt'>): boolean =>
  !wasDetected(test) || isSupervised(test.command)

/** Those results of test runs that are of telling tests. One of another that FAILED counts as that all the same. */
export const tellingResults = async (em: EntityManager, testRunIds: readonly string[]) => {
  if (testRunIds.length === 0) return []
  const results = await resultsWithCase(em).where('TestResult.testRunId', 'in', testRunIds).execute()
  return results.filter(isTelling)
}

/** What is run on a tree: the project's test cases; where it has none, the tests that the tree itself brings. */
export const testCasesOf = async (
  services: Services,
  projectId: string,
  tree: string,
): Promise<readonly TestCaseRow[]> => {
  const own = await projectTestCases(services, projectId)
  return own.length > 0 ? own : detectedTestCases(services, projectId, tree)
}

/**
 * What may be run on the result of a diff that comes of another: the project's test cases; where it has none, the tests
 * that the result brings, if such were run on the other one.
 */
export const followingTestCases = async (
  services: Services,
  {
    projectId,
    tree,
    earlierId,
  }: { readonly projectId: string; readonly tree: string; readonly earlierId: string | null },
): Promise<readonly TestCaseRow[]> => {
  const own = await projectTestCases(services, projectId)
  if (own.length > 0 || earlierId === null) return own
  const results = await resultsWithCase(services.em()).where('TestRun.diffId', '=', earlierId).execute()
  return results.some(wasDetected) ? detectedTestCases(services, projectId, tree) : []
}
