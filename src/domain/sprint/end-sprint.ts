import type { InferEntity } from '@mikro-orm/core'
import { leaseOn, revokeLeases } from '../lease/lease.ts'
import { AgentRun } from '../run/agent-run.entity.ts'
import { settleLostCalls } from '../run/call-model.ts'
import { Candidate } from '../run/candidate.entity.ts'
import { isEnded, toRunStatus } from '../run/run.status.ts'
import type { Transaction } from '../shared/transact.ts'
import { TestRun } from '../testing/test-run.entity.ts'
import { toTestRunStatus } from '../testing/test-run.status.ts'
import { changePhaseStatus, changeSprintStatus } from './change-sprint-status.ts'
import { Phase } from './phase.entity.ts'
import type { Sprint } from './sprint.entity.ts'

/**
 * Ends a sprint before its time, FAILED or CANCELED, and everything in it that is under way: whoever works on a
 * step finds its lease gone, which stops model calls and sandboxes.
 */
export const endSprint = async (
  tx: Transaction,
  sprint: InferEntity<typeof Sprint>,
  to: 'FAILED' | 'CANCELED',
  failure: string | null,
): Promise<void> => {
  changeSprintStatus(tx, sprint, to)
  sprint.failure = failure
  sprint.finishedAt = tx.now
  // The queries below have to see what the caller has ended already.
  await tx.em.flush()
  const phases = await tx.em.find(Phase, { sprintId: sprint.id, status: { $in: ['PENDING', 'RUNNING'] } })
  for (const phase of phases) changePhaseStatus(tx, sprint.projectId, phase, to, failure ?? undefined)
  const runs = await tx.em.find(AgentRun, { sprintId: sprint.id })
  const candidates = await tx.em.find(Candidate, {
    runId: { $in: runs.map((run) => run.id) },
    status: { $in: ['PENDING', 'RUNNING'] },
  })
  for (const step of [...runs.filter(({ status }) => !isEnded(status)), ...candidates]) {
    step.status = toRunStatus(step.status, 'CANCELED')
    step.finishedAt = tx.now
  }
  const testRuns = await tx.em.find(TestRun, {
    phaseId: { $in: phases.map((phase) => phase.id) },
    status: { $in: ['QUEUED', 'RUNNING'] },
  })
  for (const run of testRuns) {
    run.status = toTestRunStatus(run.status, 'CANCELED')
    run.finishedAt = tx.now
  }
  await revokeLeases(tx, [
    leaseOn('sprint', sprint.id),
    ...candidates.map((candidate) => leaseOn('candidate', candidate.id)),
    ...testRuns.map((run) => leaseOn('test-run', run.id)),
  ])
  // After the leases: nobody can make or settle a call of these runs any more.
  await settleLostCalls(tx, { runId: { $in: runs.map((run) => run.id) } })
}
