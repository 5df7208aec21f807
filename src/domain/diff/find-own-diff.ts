import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { findDiff } from './find-diff.ts'

/**
 * Locks a diff for a change that its author and requester may make, and whoever may approve.
 * @throws NotFoundError, ForbiddenError, InvalidTransitionError when the project is archived
 */
export const findOwnDiff = async (tx: Transaction, viewer: Viewer, id: string) => {
  const people = await rows(tx.em)
    .selectFrom('Diff')
    .select(['authorId', 'requestedById'])
    .where('id', '=', id)
    .executeTakeFirst()
  const isOwn = viewer.actor.id === people?.authorId || viewer.actor.id === people?.requestedById
  const { diff, project } = await findDiff(tx, viewer, id, isOwn ? 'AUTHOR' : 'REVIEWER')
  if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
  return { diff, project }
}
