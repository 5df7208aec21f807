import { LockMode } from '@mikro-orm/core'
import type { DiffRow } from '../diff/diff.entity.ts'
import type { ReviewCommentRow } from '../review/review-comment.entity.ts'
import { feedbackMessage, placeOf } from '../review/send-comments.ts'
import type { Transaction } from '../shared/transact.ts'
import { openTurn } from './open-turn.ts'
import { Session } from './session.entity.ts'

/**
 * A person rejected a session's diff and said why: their words are the session's next message. In a session that was
 * deleted the diff is rejected and nothing follows.
 */
export const continueSession = async (
  tx: Transaction,
  sessionId: string,
  rejection: {
    readonly diff: Pick<DiffRow, 'id' | 'requestedById' | 'authorId'>
    readonly feedback: string | null
    readonly comments: readonly ReviewCommentRow[]
    readonly authorId: string
  },
): Promise<void> => {
  const session = await tx.em.findOneOrFail(Session, { id: sessionId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (session.closedAt) return
  const { diff, feedback, comments, authorId } = rejection
  // Who rejects a change does not become the one who asked for it.
  const requestedById = diff.requestedById ?? diff.authorId
  await openTurn(tx, session, {
    words: feedback ?? 'A person rejected the change. What they have to say of it is below.',
    remarks: comments.map((comment) => ({ place: placeOf(comment), code: comment.code, text: comment.text })),
    text: feedbackMessage(feedback, comments),
    authorId,
    requestedById,
    diffId: diff.id,
  })
}
