import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError, NotFoundError, type Role } from '../errors.ts'
import { Project } from '../project/project.entity.ts'
import type { Transaction } from '../shared/transact.ts'
import { Session } from './session.entity.ts'

/** Locks a session for a change that the viewer may make. @throws NotFoundError, ForbiddenError */
export const findSession = async (tx: Transaction, viewer: Viewer, id: string, role: Role) => {
  const session = await tx.em.findOne(Session, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!session) throw new NotFoundError('session', id)
  await requireProjectRole(tx.em, viewer, session.projectId, role, { noun: 'session', id })
  return session
}

/** The same, for work in it. @throws NotFoundError, ForbiddenError, InvalidTransitionError when it or its project is closed */
export const findOpenSession = async (tx: Transaction, viewer: Viewer, id: string, role: Role) => {
  const session = await findSession(tx, viewer, id, role)
  if (session.closedAt) {
    throw new InvalidTransitionError('session', 'CLOSED', 'OPEN', 'It was deleted: create another session.')
  }
  const project = await tx.em.findOneOrFail(Project, { id: session.projectId })
  if (project.status !== 'READY') throw new InvalidTransitionError('project', project.status, 'READY')
  return session
}
