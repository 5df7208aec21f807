import type { InferEntity } from '@mikro-orm/core'
import type { Transaction } from '../shared/transact.ts'
import { Message, type MessageRow } from './message.entity.ts'
import type { Session } from './session.entity.ts'

type NewMessage = Pick<MessageRow, 'id' | 'turnId' | 'role' | 'iteration' | 'text'> &
  Partial<Omit<MessageRow, 'id' | 'turnId' | 'role' | 'iteration' | 'text' | 'sessionId' | 'createdAt'>>

/** Adds to a locked session's conversation, after everything that is there, and says so. */
export const addMessage = (tx: Transaction, session: InferEntity<typeof Session>, message: NewMessage): void => {
  const after = session.lastMessageAt ? session.lastMessageAt.getTime() + 1 : 0
  const createdAt = new Date(Math.max(tx.now.getTime(), after))
  session.lastMessageAt = createdAt
  tx.em.create(Message, { rehearsal: false, ...message, sessionId: session.id, createdAt })
  tx.emit(
    { projectId: session.projectId, sessionId: session.id, diffId: message.diffId ?? null },
    { type: 'MessageAdded', messageId: message.id },
  )
}
