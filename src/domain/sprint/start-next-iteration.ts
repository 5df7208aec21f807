import { LockMode } from '@mikro-orm/core'
import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import type { Transaction } from '../shared/transact.ts'
import { changeSprintStatus } from './change-sprint-status.ts'
import { Sprint } from './sprint.entity.ts'

/** A person rejected a sprint's diff and said why: the sprint goes on from what it made, with their words. */
export const startNextIteration = async (tx: Transaction, sprintId: string, feedback: string): Promise<void> => {
  const sprint = await tx.em.findOneOrFail(Sprint, { id: sprintId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (sprint.status !== 'COMPLETED') return
  changeSprintStatus(tx, sprint, 'ACTIVE')
  sprint.iteration += 1
  sprint.feedback = feedback
  sprint.finishedAt = null
  sprint.deadlineAt = new Date(tx.now.getTime() + sprint.deadlineSeconds * 1_000)
  tx.enqueue(advanceSprintJob, { sprintId })
}
