import { LockMode } from '@mikro-orm/core'
import { runSessionTurnJob } from '../../jobs/run-session-turn.ts'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { refreshApproval } from '../approval/refresh-approval.ts'
import { InvalidTransitionError, NotFoundError } from '../errors.ts'
import { leaseOn, revokeLeases } from '../lease/lease.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { endTestRuns } from './end-test-runs.ts'
import { TestRun } from './test-run.entity.ts'
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
    if (run.phaseId != null || run.candidateId != null) {
      const owner = run.phaseId != null ? 'sprint' : 'run'
      const hint = `It belongs to a ${owner}, which waits for it: cancel the ${owner} instead.`
      throw new InvalidTransitionError('test run', run.status, 'CANCELED', hint)
    }
    // One that has ended cannot be canceled.
    toTestRunStatus(run.status, 'CANCELED')
    await endTestRuns(tx, [id], 'The test run was canceled before this test ended.')
    await tx.em.flush()
    // The evaluator is told that they were canceled.
    if (run.sessionId != null) tx.enqueue(runSessionTurnJob, { sessionId: run.sessionId })
    if (run.diffId != null) await refreshApproval(tx, run.diffId)
    return id
  })
