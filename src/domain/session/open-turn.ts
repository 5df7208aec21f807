import { randomUUID } from 'node:crypto'
import type { InferEntity } from '@mikro-orm/core'
import { runSessionTurnJob } from '../../jobs/run-session-turn.ts'
import type { Transaction } from '../shared/transact.ts'
import { addMessage } from './add-message.ts'
import type { Session } from './session.entity.ts'
import { type Remark, SessionTurn } from './session-turn.entity.ts'
import { openTurnStatuses } from './turn.status.ts'

export interface NewTurn {
  readonly words: string
  readonly remarks: readonly Remark[]
  /** The words and remarks as the conversation shows them. */
  readonly text: string
  readonly authorId: string
  /** Whose wish it is, when that is not the author: a reviewer who rejects a change does not become its requester. */
  readonly requestedById: string
  /** The diff that the words are about. */
  readonly diffId: string | null
}

/** How many turns of a session are still to be worked on. */
export const countOpenTurns = (tx: Transaction, sessionId: string): Promise<number> =>
  tx.em.count(SessionTurn, { sessionId, status: { $in: [...openTurnStatuses] } })

/** Puts a person's words into a locked session, visible at once, and has them worked on in their turn. @returns the message's id */
export const openTurn = async (
  tx: Transaction,
  session: InferEntity<typeof Session>,
  { words, remarks, text, authorId, requestedById, diffId }: NewTurn,
): Promise<string> => {
  const [position, open] = [
    await tx.em.count(SessionTurn, { sessionId: session.id }),
    await countOpenTurns(tx, session.id),
  ]
  const [turnId, messageId] = [randomUUID(), randomUUID()]
  tx.em.create(SessionTurn, {
    id: turnId,
    sessionId: session.id,
    position,
    status: 'WAITING',
    requestedById,
    words,
    remarks,
    epoch: 0,
    trace: tx.trace(),
    createdAt: tx.now,
  })
  await tx.em.flush()
  addMessage(tx, session, { id: messageId, turnId, role: 'USER', iteration: 0, authorId, text, diffId })
  if (open === 0) {
    tx.emit(
      { projectId: session.projectId, sessionId: session.id },
      { type: 'SessionChanged', sessionId: session.id, busy: true },
    )
  }
  tx.enqueue(runSessionTurnJob, { sessionId: session.id })
  return messageId
}
