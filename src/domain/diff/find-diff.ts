import { LockMode } from '@mikro-orm/core'
import type { EntityManager } from '@mikro-orm/postgresql'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError, type Role } from '../errors.ts'
import { Project } from '../project/project.entity.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { Diff, type DiffRow } from './diff.entity.ts'

/** In which project a diff is. @throws NotFoundError */
const projectOf = async (em: EntityManager, id: string): Promise<string> => {
  const found = await rows(em).selectFrom('Diff').select('projectId').where('id', '=', id).executeTakeFirst()
  if (!found) throw new NotFoundError('diff', id)
  return found.projectId as string
}

/**
 * Locks a diff's project, then the diff, for a change that the viewer may make. Always in this order.
 * @throws NotFoundError, ForbiddenError
 */
export const findDiff = async (tx: Transaction, viewer: Viewer, id: string, role: Role) => {
  const projectId = await projectOf(tx.em, id)
  const requireRole = () => requireProjectRole(tx.em, viewer, projectId, role, { noun: 'diff', id })
  await requireRole()
  const project = await tx.em.findOneOrFail(Project, { id: projectId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  // Whoever held the lock may have taken the role away.
  await requireRole()
  const diff = await tx.em.findOneOrFail(Diff, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
  return { project, diff }
}

/**
 * The same for what changes neither of them, and needs no more than to know the diff's status and that it stays.
 * @throws NotFoundError, ForbiddenError
 */
export const lockDiff = async (
  { em }: Transaction,
  viewer: Viewer,
  id: string,
  role: Role,
): Promise<Pick<DiffRow, 'status'>> => {
  const projectId = await projectOf(em, id)
  const requireRole = () => requireProjectRole(em, viewer, projectId, role, { noun: 'diff', id })
  await requireRole()
  await rows(em).selectFrom('Project').select('id').where('id', '=', projectId).forUpdate().execute()
  await requireRole()
  return rows(em).selectFrom('Diff').select('status').where('id', '=', id).forUpdate().executeTakeFirstOrThrow()
}

/**
 * Reads a diff for a viewer with the role, and locks nothing: for what is looked up before a change, which looks again.
 * @throws NotFoundError, ForbiddenError
 */
export const readDiff = async (
  { em }: Pick<Services, 'em'>,
  viewer: Viewer,
  id: string,
  role: Role,
): Promise<DiffRow> => {
  const diff = (await rows(em()).selectFrom('Diff').selectAll().where('id', '=', id).executeTakeFirst()) as
    | DiffRow
    | undefined
  if (!diff) throw new NotFoundError('diff', id)
  await requireProjectRole(em(), viewer, diff.projectId, role, { noun: 'diff', id })
  return diff
}
