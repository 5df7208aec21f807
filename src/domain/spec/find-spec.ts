import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError, type Role } from '../errors.ts'
import { type RowStatement, readRows } from '../shared/read-rows.ts'
import type { Transaction } from '../shared/transact.ts'
import { Spec, type SpecRow } from './spec.entity.ts'

/** Locks a spec for a change that the viewer may make. @throws NotFoundError, ForbiddenError */
export const findSpec = async (tx: Transaction, viewer: Viewer, id: string, role: Role) => {
  const spec = await tx.em.findOne(Spec, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!spec) throw new NotFoundError('spec', id)
  await requireProjectRole(tx.em, viewer, spec.projectId, role, { noun: 'spec', id })
  return spec
}

const lockStatement: RowStatement = { table: 'Spec', rest: 'where {id} = $1 for update', isKept: true }

/** The same for what is written by a statement: the row alone. @throws NotFoundError, ForbiddenError */
export const lockSpec = async ({ em }: Transaction, viewer: Viewer, id: string, role: Role): Promise<SpecRow> => {
  const [spec] = await readRows<SpecRow>(em, lockStatement, [id])
  if (!spec) throw new NotFoundError('spec', id)
  await requireProjectRole(em, viewer, spec.projectId, role, { noun: 'spec', id })
  return spec
}
