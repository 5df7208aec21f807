import type { InferEntity } from '@mikro-orm/core'
import { leaseOn } from '../lease/lease.ts'
import { AgentRun } from '../run/agent-run.entity.ts'
import { endSteps } from '../run/end-steps.ts'
import type { Transaction } from '../shared/transact.ts'
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
  await endSteps(
    tx,
    runs.map(({ id }) => id),
    [leaseOn('sprint', sprint.id)],
    phases.map(({ id }) => id),
  )
}
