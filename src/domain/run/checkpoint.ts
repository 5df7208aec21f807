import { randomUUID } from 'node:crypto'
import { LockMode } from '@mikro-orm/core'
import type { EventSubject } from '../event/event.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { AgentRun } from './agent-run.entity.ts'
import { Checkpoint, type CheckpointState } from './checkpoint.entity.ts'

/**
 * Keeps a checkpoint's tree reachable in the repository, before the row is stored. Without a row it is swept.
 * @returns the checkpoint's id
 */
export const keepCheckpoint = async (
  { git, clock }: Pick<Services, 'git' | 'clock'>,
  projectId: string,
  tree: string,
): Promise<string> => {
  const id = randomUUID()
  const signature = { name: 'Countersign', email: 'countersign@localhost', at: clock() }
  const message = `Checkpoint ${id}\n`
  const commit = await git.writeCommit(projectId, {
    tree,
    parents: [],
    message,
    author: signature,
    committer: signature,
  })
  await git.keep(projectId, 'checkpoints', id, commit)
  return id
}

/** Where a run stands after a step, with the workspace of then. */
export const addCheckpoint = (
  tx: Transaction,
  run: EventSubject & { readonly id: string },
  checkpoint: {
    readonly id: string
    readonly sequence: number
    readonly label: string
    readonly tree: string
    readonly state: CheckpointState
  },
): void => {
  tx.em.create(Checkpoint, { runId: run.id, ...checkpoint, createdAt: tx.now })
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
