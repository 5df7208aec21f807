import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError, type Role } from '../errors.ts'
import type { Transaction } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import { Project } from './project.entity.ts'

/**
 * Loads a project for a change, after checking that the viewer may make it.
 * @throws NotFoundError, ForbiddenError
 */
export const findProject = async (tx: Transaction, viewer: Viewer, id: string, role: Role, lock = false) => {
  const project = await tx.em.findOne(Project, { id }, lock ? { lockMode: LockMode.PESSIMISTIC_WRITE } : {})
  if (!project) throw new NotFoundError('project', id)
  await requireProjectRole(tx.em, viewer, id, role)
  return project
}

/**
 * The same, for work that needs the repository.
 * @throws ValidationError when the project is not READY
 */
export const findReadyProject = async (tx: Transaction, viewer: Viewer, id: string, role: Role, lock = false) => {
  const project = await findProject(tx, viewer, id, role, lock)
  if (project.status !== 'READY') {
    const why = project.failure ? `: ${project.failure}` : ''
    throw fieldFault('projectId', `the project is ${project.status}${why}; it must be READY`)
  }
  return project
}
