import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { diffTransitions } from './diff.status.ts'
import { findDiff } from './find-diff.ts'

/** Where to go on from a diff that another one took the place of, in words. */
const successor = async (tx: Transaction, id: string): Promise<string> => {
  const next = await rows(tx.em)
    .selectFrom('Diff')
    .select('id')
    .where('supersedesId', '=', id)
    .orderBy('createdAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  return next ? `The diff ${next.id} took its place.` : ''
}

/**
 * Locks a diff that another one is to take the place of. Its author and requester may do so, and who may approve.
 * @throws NotFoundError, ForbiddenError, InvalidTransitionError
 */
export const findReplaceable = async (tx: Transaction, viewer: Viewer, id: string) => {
  const people = await rows(tx.em)
    .selectFrom('Diff')
    .select(['authorId', 'requestedById'])
    .where('id', '=', id)
    .executeTakeFirst()
  const isOwn = viewer.actor.id === people?.authorId || viewer.actor.id === people?.requestedById
  const { diff, project } = await findDiff(tx, viewer, id, isOwn ? 'AUTHOR' : 'REVIEWER')
  if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
  const next: readonly string[] = diffTransitions[diff.status]
  if (!next.includes('SUPERSEDED')) {
    const hint = diff.status === 'SUPERSEDED' ? await successor(tx, id) : ''
    throw new InvalidTransitionError('diff', diff.status, 'SUPERSEDED', hint)
  }
  return { diff, project }
}
