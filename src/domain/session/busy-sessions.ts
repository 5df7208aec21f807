import type { EntityManager } from '@mikro-orm/postgresql'
import { rows } from '../shared/database.ts'
import { openTurnStatuses } from './turn.status.ts'

/** Whether there is something to be done in each of several sessions, in one query. */
export const busySessions = async (em: EntityManager, ids: readonly string[]): Promise<readonly boolean[]> => {
  const found = await rows(em)
    .selectFrom('SessionTurn')
    .select('sessionId')
    .distinct()
    .where('sessionId', 'in', [...ids])
    .where('status', 'in', [...openTurnStatuses])
    .execute()
  const busy = new Set(found.map(({ sessionId }) => sessionId))
  return ids.map((id) => busy.has(id))
}
