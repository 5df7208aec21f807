import type { InferEntity } from '@mikro-orm/core'
import type { Transaction } from '../shared/transact.ts'
import { countOpenTurns } from './open-turn.ts'
import type { Session } from './session.entity.ts'
import type { SessionTurn } from './session-turn.entity.ts'
import { type TurnStatus, toTurnStatus } from './turn.status.ts'

/** Ends a turn of a locked session, and says when nothing more is to be done in it. */
export const endTurn = async (
  tx: Transaction,
  session: InferEntity<typeof Session>,
  turn: InferEntity<typeof SessionTurn>,
  to: TurnStatus,
  failure: string | null = null,
): Promise<void> => {
  turn.status = toTurnStatus(turn.status, to)
  turn.failure = failure
  turn.finishedAt = tx.now
  await tx.em.flush()
  if ((await countOpenTurns(tx, session.id)) > 0) return
  tx.emit(
    { projectId: session.projectId, sessionId: session.id },
    { type: 'SessionChanged', sessionId: session.id, busy: false },
  )
}
