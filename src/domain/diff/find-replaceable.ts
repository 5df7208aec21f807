import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { diffTransitions } from './diff.status.ts'
import { findOwnDiff } from './find-own-diff.ts'

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
  const { diff, project } = await findOwnDiff(tx, viewer, id)
  const next: readonly string[] = diffTransitions[diff.status]
  if (!next.includes('SUPERSEDED')) {
    const hint = diff.status === 'SUPERSEDED' ? await successor(tx, id) : ''
    throw new InvalidTransitionError('diff', diff.status, 'SUPERSEDED', hint)
  }
  return { diff, project }
}
