import { LockMode } from '@mikro-orm/core'
import type { Transaction } from '../shared/transact.ts'
import { settleTestCalls } from './call-book.ts'
import { TestResult, TestRun, type TestRunRow } from './test-run.entity.ts'
import { toTestRunStatus } from './test-run.status.ts'
import { testRunSubject } from './test-run-subject.ts'

/**
 * Ends test runs before their time, after their leases were revoked: results that are there stay, and the other tests are
 * SKIPPED. A run that ended before its lease was taken stays as it ended.
 * @param reason for people, in each result that is SKIPPED
 */
export const endTestRuns = async (tx: Transaction, ids: readonly string[], reason: string): Promise<void> => {
  const runs = await tx.em.find(
    TestRun,
    { id: { $in: [...ids] }, status: { $in: ['QUEUED', 'RUNNING'] } },
    { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true, orderBy: { id: 'asc' } },
  )
  for (const run of runs) {
    run.status = toTestRunStatus(run.status, 'CANCELED')
    run.finishedAt = tx.now
    tx.emit(await testRunSubject(tx.em, run as TestRunRow), {
      type: 'TestRunChanged',
      testRunId: run.id,
      status: 'CANCELED',
      finished: run.total,
      total: run.total,
    })
  }
  const results = await tx.em.find(TestResult, { testRunId: { $in: runs.map(({ id }) => id) }, status: null })
  for (const result of results) {
    result.status = 'SKIPPED'
    result.error = reason
  }
  await settleTestCalls(
    tx,
    results.map(({ id }) => id),
  )
}
