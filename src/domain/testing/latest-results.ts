import type { EntityManager } from '@mikro-orm/postgresql'
import { rows } from '../shared/database.ts'
import type { TestResultRow } from './test-run.entity.ts'
import type { TestRunStatus } from './test-run.status.ts'

/** Where one test of a diff stands. */
export interface LatestResult extends Pick<TestResultRow, 'testCaseId' | 'definitionHash' | 'status'> {
  readonly id: string
  readonly diffId: string
  readonly runStatus: TestRunStatus
}

/**
 * The newest result of every test that was ever run on these diffs, without a status while it runs. Each test counts,
 * whichever run it was in: to run some of them again does not make the others unsaid. One that was canceled leaves the
 * result before it. A test case that was deleted counts until the diff is tested without it.
 */
export const latestResults = async (
  em: EntityManager,
  diffIds: readonly string[],
): Promise<readonly LatestResult[]> => {
  if (diffIds.length === 0) return []
  const found = await rows(em)
    .selectFrom('TestResult')
    .innerJoin('TestRun', 'TestRun.id', 'TestResult.testRunId')
    .innerJoin('TestCase', 'TestCase.id', 'TestResult.testCaseId')
    .distinctOn(['TestRun.diffId', 'TestResult.testCaseId'])
    .select([
      'TestResult.id as resultId',
      'TestRun.diffId',
      // Without a name of its own it would come back as the joined test case's id.
      'TestResult.testCaseId as tested',
      'TestResult.definitionHash',
      'TestResult.status',
      'TestRun.status as runStatus',
    ])
    .where('TestRun.diffId', 'in', [...diffIds])
    .where((where) => where.or([where('TestResult.status', 'is', null), where('TestResult.status', '<>', 'SKIPPED')]))
    .where((where) =>
      where.or([
        where('TestCase.deletedAt', 'is', null),
        where.not(
          where.exists(
            where
              .selectFrom('TestRun as later')
              .select('later.id')
              .whereRef('later.diffId', '=', 'TestRun.diffId')
              .whereRef('later.createdAt', '>', 'TestRun.createdAt'),
          ),
        ),
      ]),
    )
    .orderBy('TestRun.diffId')
    .orderBy('TestResult.testCaseId')
    .orderBy('TestRun.createdAt', 'desc')
    .orderBy('TestRun.id')
    .execute()
  return found.map(({ resultId, diffId, tested, ...result }) => ({
    ...result,
    id: resultId,
    diffId: diffId ?? '',
    testCaseId: tested,
  }))
}

/** What a diff's tests say together; null when none was run. */
export const testsState = (results: readonly LatestResult[]): TestRunStatus | null => {
  if (results.length === 0) return null
  const unfinished = results.find(({ status }) => status === null)
  if (unfinished) return unfinished.runStatus
  if (results.some(({ status }) => status === 'ERRORED')) return 'ERRORED'
  return results.every(({ status }) => status === 'PASSED') ? 'PASSED' : 'FAILED'
}
