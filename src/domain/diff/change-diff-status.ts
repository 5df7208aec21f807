import type { Transaction } from '../shared/transact.ts'
import { type DiffStatus, toDiffStatus } from './diff.status.ts'

interface ChangingDiff {
  id: string
  projectId: string
  sprintId?: string | null
  sessionId?: string | null
  status: DiffStatus
  updatedAt: Date
}

/** Says that a locked diff is another now, whether or not its status is. */
export const tellDiff = (tx: Transaction, diff: ChangingDiff): void => {
  diff.updatedAt = tx.now
  tx.emit(
    {
      projectId: diff.projectId,
      sprintId: diff.sprintId ?? null,
      sessionId: diff.sessionId ?? null,
      diffId: diff.id,
    },
    { type: 'DiffChanged', diffId: diff.id, status: diff.status },
  )
}

/** Gives a locked diff a new status, through the table, and says so. */
export const changeDiffStatus = (tx: Transaction, diff: ChangingDiff, to: DiffStatus, hint?: string): void => {
  diff.status = toDiffStatus(diff.status, to, hint)
  tellDiff(tx, diff)
}
