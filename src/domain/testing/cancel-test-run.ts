import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { refreshApproval } from '../diff/refresh-approval.ts'
import { InvalidTransitionError, NotFoundError } from '../errors.ts'
import { leaseOn, revokeLeases } from '../lease/lease.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { TestResult, TestRun } from './test-run.entity.ts'
import { toTestRunStatus } from './test-run.status.ts'

/**
 * Ends a diff's test run before its time. Tests that run are killed, the results that are there stay, and the others are
 * SKIPPED. A sprint's own test runs end with the sprint alone.
 * @throws NotFoundError, ForbiddenError, InvalidTransitionError
 */
export const cancelTestRun = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    const found = await tx.em.findOne(TestRun, { id }, { fields: ['projectId'] })
    if (!found) throw new NotFoundError('test run', id)
    await requireProjectRole(tx.em, viewer, found.projectId, 'AUTHOR', { noun: 'test run', id })
    // First, as the one who runs the tests locks: what it is storing now is stored, and it stores nothing more.
    await revokeLeases(tx, [leaseOn('test-run', id)])
    const run = await tx.em.findOneOrFail(TestRun, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
    if (run.phaseId != null) {
      const hint = 'It belongs to a sprint, which waits for it: cancel the sprint instead.'
      throw new InvalidTransitionError('test run', run.status, 'CANCELED', hint)
    }
    run.status = toTestRunStatus(run.status, 'CANCELED')
    run.finishedAt = tx.now
    for (const result of await tx.em.find(TestResult, { testRunId: id, status: null })) {
      result.status = 'SKIPPED'
      result.error = 'The test run was canceled before this test ended.'
    }
    tx.emit(
      { projectId: run.projectId, diffId: run.diffId ?? null },
      { type: 'TestRunChanged', testRunId: id, status: 'CANCELED', finished: run.total, total: run.total },
    )
    await tx.em.flush()
    if (run.diffId != null) await refreshApproval(tx, run.diffId)
    return id
  })
