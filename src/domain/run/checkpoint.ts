import { randomUUID } from 'node:crypto'
import { LockMode } from '@mikro-orm/core'
import type { EventSubject } from '../event/event.ts'
import type { Transaction } from '../shared/transact.ts'
import { AgentRun } from './agent-run.entity.ts'
import { Checkpoint } from './checkpoint.entity.ts'

/** Where a run stands after a step, with the workspace of then. */
export const addCheckpoint = (
  tx: Transaction,
  run: EventSubject & { readonly id: string },
  checkpoint: { sequence: number; label: string; tree: string; state: Readonly<Record<string, unknown>> },
): void => {
  tx.em.create(Checkpoint, { id: randomUUID(), runId: run.id, ...checkpoint, createdAt: tx.now })
  tx.emit(run, {
    type: 'CheckpointReached',
    runId: run.id,
    label: checkpoint.label,
    sequence: checkpoint.sequence,
  })
}

/** The next checkpoint's number; the run is locked until the transaction ends, so that no two get the same. */
export const nextCheckpoint = async (tx: Transaction, runId: string): Promise<number> => {
  await tx.em.findOneOrFail(AgentRun, { id: runId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  return tx.em.count(Checkpoint, { runId })
}
