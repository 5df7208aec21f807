import type { InferEntity } from '@mikro-orm/core'
import { leaseOn } from '../lease/lease.ts'
import type { Transaction } from '../shared/transact.ts'
import type { AgentRun } from './agent-run.entity.ts'
import { endSteps } from './end-steps.ts'
import { type RunStatus, toRunStatus } from './run.status.ts'

/** Says what has become of a run outside a sprint. */
export const emitRunChanged = (tx: Transaction, run: { projectId: string; id: string }, status: RunStatus): void =>
  tx.emit({ projectId: run.projectId }, { type: 'RunChanged', runId: run.id, status })

/** Ends a run outside a sprint before it has a decision, and everything in it that is under way. */
export const endRun = async (
  tx: Transaction,
  run: InferEntity<typeof AgentRun>,
  to: 'FAILED' | 'CANCELED',
  failure: string | null,
): Promise<void> => {
  run.status = toRunStatus(run.status, to)
  run.failure = failure
  run.finishedAt = tx.now
  // The queries below have to see that it has ended.
  await tx.em.flush()
  await endSteps(tx, [run.id], [leaseOn('run', run.id)])
  emitRunChanged(tx, run, to)
}
