import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError, type Role } from '../errors.ts'
import type { Transaction } from '../shared/transact.ts'
import { AgentRun } from './agent-run.entity.ts'

/**
 * Locks a run for a change that the viewer may make.
 * @param asked what the caller named, when it was not the run itself
 * @throws NotFoundError, ForbiddenError
 */
export const findRun = async (
  tx: Transaction,
  viewer: Viewer,
  id: string,
  role: Role,
  asked: { noun: string; id: string } = { noun: 'run', id },
) => {
  const run = await tx.em.findOne(AgentRun, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!run) throw new NotFoundError(asked.noun, asked.id)
  await requireProjectRole(tx.em, viewer, run.projectId, role, asked)
  return run
}
