import { LockMode } from '@mikro-orm/core'
import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { changeSprintStatus } from './change-sprint-status.ts'
import { Sprint } from './sprint.entity.ts'

/** Whether the sprint's result is another diff: a newer one, or one that reached the branch or is about to. */
const hasOtherResult = async (tx: Transaction, sprintId: string, diffId: string): Promise<boolean> => {
  const [newest, ...older] = await rows(tx.em)
    .selectFrom('Diff')
    .select(['id', 'status'])
    .where('sprintId', '=', sprintId)
    .orderBy('createdAt', 'desc')
    .execute()
  return newest?.id !== diffId || older.some(({ status }) => status === 'COMMITTING' || status === 'COMMITTED')
}

/**
 * A person rejected a sprint's diff and said why: the sprint goes on from what it made, with their words. It does not
 * when the rejected diff was left over, since another candidate's was proposed in its place.
 */
export const startNextIteration = async (
  tx: Transaction,
  sprintId: string,
  diffId: string,
  feedback: string,
): Promise<void> => {
  const sprint = await tx.em.findOneOrFail(Sprint, { id: sprintId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (sprint.status !== 'COMPLETED' || (await hasOtherResult(tx, sprintId, diffId))) return
  changeSprintStatus(tx, sprint, 'ACTIVE')
  sprint.iteration += 1
  sprint.feedback = feedback
  sprint.finishedAt = null
  sprint.deadlineAt = new Date(tx.now.getTime() + sprint.deadlineSeconds * 1_000)
  tx.enqueue(advanceSprintJob, { sprintId })
}
