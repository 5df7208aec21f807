import type { EntityManager } from '@mikro-orm/postgresql'
import { sql } from 'kysely'
import { rows } from '../shared/database.ts'
import type { TestResultRow } from './test-run.entity.ts'
import type { TestRunStatus } from './test-run.status.ts'

/** Where one test of a diff stands. */
export interface LatestResult extends Pick<TestResultRow, 'testCaseId' | 'definitionHash' | 'status'> {
  readonly id: string
  readonly diffId: string
  readonly runStatus: TestRunStatus
  /** A test that the diff's own files brought, where the project had no test case. */
  readonly isDetected: boolean
}

/**
 * The newest result of every test that was ever run on these diffs, without a status while it runs. Each test counts,
 * whichever run it was in: to run some of them again does not make the others unsaid. One that was canceled leaves the
 * result before it, and where there is none is SKIPPED if it is run by default: to cancel it is not to pass it. A test
 * case that was deleted counts until the diff is tested without it.
 */
export const latestResults = async (
  em: EntityManager,
  diffIds: readonly string[],
): Promise<readonly LatestResult[]> => {
  if (diffIds.length === 0) return []
  // Row by row through the query builder's conversion a thousand diffs take four times as long.
  const { rows: found } = await sql<LatestResult>`
    select distinct on (run.diff_id, result.test_case_id)
      result.id::text as id, run.diff_id::text as "diffId", result.test_case_id::text as "testCaseId",
      result.definition_hash as "definitionHash", result.status, run.status as "runStatus",
      -- One that was never the project's was stored as deleted.
      coalesce(test_case.deleted_at = test_case.created_at, false) as "isDetected"
    from test_result result
      join test_run run on run.id = result.test_run_id
      join test_case on test_case.id = result.test_case_id
    where run.diff_id = any(${[...diffIds]}::uuid[])
      and (result.status is distinct from 'SKIPPED' or (test_case.quick and test_case.deleted_at is null))
      and (test_case.deleted_at is null or not exists (
        select from test_run later where later.diff_id = run.diff_id and later.created_at > run.created_at
      ))
    order by run.diff_id, result.test_case_id, (result.status is not distinct from 'SKIPPED'), run.created_at desc,
      run.id`.execute(rows(em))
  return found
}

/**
 * What a diff's tests say together; null when none was run. Those that only the diff brings may fail it, and do not vouch
 * for it: who wrote the change chose them.
 */
export const testsState = (results: readonly LatestResult[]): TestRunStatus | null => {
  if (results.length === 0) return null
  const unfinished = results.find(({ status }) => status === null)
  if (unfinished) return unfinished.runStatus
  if (results.some(({ status }) => status === 'ERRORED')) return 'ERRORED'
  if (results.some(({ status }) => status !== 'PASSED' && status !== 'SKIPPED')) return 'FAILED'
  if (results.some(({ status }) => status === 'SKIPPED')) return 'CANCELED'
  return results.every(({ isDetected }) => isDetected) ? null : 'PASSED'
}
