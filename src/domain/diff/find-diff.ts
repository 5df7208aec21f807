import { LockMode } from '@mikro-orm/core'
import type { EntityManager } from '@mikro-orm/postgresql'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError, type Role } from '../errors.ts'
import { Project } from '../project/project.entity.ts'
import { runStatement } from '../shared/run-statement.ts'
import { prepared } from '../shared/statement-marks.ts'
import type { Transaction } from '../shared/transact.ts'
import { Diff, type DiffRow } from './diff.entity.ts'

const projectStatement = `${prepared('diff-project')}select project_id as id from diff where id = $1`

/** In which project a diff is. @throws NotFoundError */
const projectOf = async (em: EntityManager, id: string): Promise<string> => {
  const [project] = await runStatement<{ readonly id: string }>(em, projectStatement, [id])
  if (!project) throw new NotFoundError('diff', id)
  return project.id
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

// What is locked is locked in the order in which it is named.
const lockStatement = `${prepared('lock-diff')}select diff.status from project join diff on diff.project_id = project.id
  where diff.id = $1 and project.id = $2 for update of project, diff`

/**
 * The same for what changes neither of them, and needs no more than to know the diff's status and that it stays. Whoever
 * asks was found to have the role a moment ago.
 * @throws NotFoundError, ForbiddenError
 */
export const lockDiff = async (
  { em }: Transaction,
  viewer: Viewer,
  { id, projectId }: Pick<DiffRow, 'id' | 'projectId'>,
  role: Role,
): Promise<Pick<DiffRow, 'status'>> => {
  const [diff] = await runStatement<Pick<DiffRow, 'status'>>(em, lockStatement, [id, projectId])
  if (!diff) throw new NotFoundError('diff', id)
  // Whoever held the lock may have taken the role away.
  await requireProjectRole(em, viewer, projectId, role, { noun: 'diff', id })
  return diff
}
