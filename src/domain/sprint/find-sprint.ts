import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError, type Role } from '../errors.ts'
import type { Transaction } from '../shared/transact.ts'
import { Sprint } from './sprint.entity.ts'

/** Locks a sprint for a change that the viewer may make. @throws NotFoundError, ForbiddenError */
export const findSprint = async (tx: Transaction, viewer: Viewer, id: string, role: Role) => {
  const sprint = await tx.em.findOne(Sprint, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!sprint) throw new NotFoundError('sprint', id)
  await requireProjectRole(tx.em, viewer, sprint.projectId, role, { noun: 'sprint', id })
  return sprint
}
