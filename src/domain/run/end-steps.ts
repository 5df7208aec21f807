import { leaseOn, revokeLeases } from '../lease/lease.ts'
import type { Transaction } from '../shared/transact.ts'
import { endTestRuns } from '../testing/end-test-runs.ts'
import { TestRun } from '../testing/test-run.entity.ts'
import { AgentRun } from './agent-run.entity.ts'
import { Candidate } from './candidate.entity.ts'
import { settleLostCalls } from './record-call.ts'
import { isEnded, toRunStatus } from './run.status.ts'

/**
 * Ends whatever is under way in some runs, before its time: whoever works on a step finds its lease gone, which stops
 * model calls and sandboxes. What is stored stays.
 * @param alsoRevoke the leases of what waits for these runs
 * @param phaseIds whose test runs end too
 */
export const endSteps = async (
  tx: Transaction,
  runIds: readonly string[],
  alsoRevoke: readonly string[],
  phaseIds: readonly string[] = [],
): Promise<void> => {
  const ofRuns = { runId: { $in: [...runIds] } }
  const candidateIds = (await tx.em.find(Candidate, ofRuns, { fields: ['id'] })).map(({ id }) => id)
  const found = await tx.em.find(
    TestRun,
    {
      $or: [{ phaseId: { $in: [...phaseIds] } }, { candidateId: { $in: candidateIds } }],
      status: { $in: ['QUEUED', 'RUNNING'] },
    },
    { fields: ['id'] },
  )
  const testRunIds = found.map(({ id }) => id)
  await revokeLeases(tx, [
    ...alsoRevoke,
    ...candidateIds.map((id) => leaseOn('candidate', id)),
    ...testRunIds.map((id) => leaseOn('test-run', id)),
  ])
  // Read after the leases: what ended a moment before stays as it ended.
  const steps = [
    ...(await tx.em.find(AgentRun, { id: { $in: [...runIds] } }, { refresh: true })),
    ...(await tx.em.find(Candidate, ofRuns, { refresh: true })),
  ]
  for (const step of steps) {
    if (isEnded(step.status)) continue
    step.status = toRunStatus(step.status, 'CANCELED')
    step.finishedAt = tx.now
  }
  await endTestRuns(tx, testRunIds, 'What the test run belongs to was canceled, or failed, before this test ended.')
  // After the leases: nobody can make or settle a call of these runs any more.
  await settleLostCalls(tx, { runId: { $in: [...runIds] } })
}
