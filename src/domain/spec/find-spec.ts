import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError, type Role } from '../errors.ts'
import type { Transaction } from '../shared/transact.ts'
import { Spec } from './spec.entity.ts'

/** Locks a spec for a change that the viewer may make. @throws NotFoundError, ForbiddenError */
export const findSpec = async (tx: Transaction, viewer: Viewer, id: string, role: Role) => {
  const spec = await tx.em.findOne(Spec, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!spec) throw new NotFoundError('spec', id)
  await requireProjectRole(tx.em, viewer, spec.projectId, role, { noun: 'spec', id })
  return spec
}
