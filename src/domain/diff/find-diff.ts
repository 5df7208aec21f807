import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError, type Role } from '../errors.ts'
import { Project } from '../project/project.entity.ts'
import type { Transaction } from '../shared/transact.ts'
import { Diff } from './diff.entity.ts'

/**
 * Locks a diff's project, then the diff, for a change that the viewer may make. Always in this order.
 * @throws NotFoundError, ForbiddenError
 */
export const findDiff = async (tx: Transaction, viewer: Viewer, id: string, role: Role) => {
  const found = await tx.em.findOne(Diff, { id }, { fields: ['projectId'] })
  if (!found) throw new NotFoundError('diff', id)
  const { projectId } = found
  const requireRole = () => requireProjectRole(tx.em, viewer, projectId, role, { noun: 'diff', id })
  await requireRole()
  const project = await tx.em.findOneOrFail(Project, { id: projectId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  // Whoever held the lock may have taken the role away.
  await requireRole()
  const diff = await tx.em.findOneOrFail(Diff, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
  return { project, diff }
}
