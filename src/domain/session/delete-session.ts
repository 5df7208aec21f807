import type { Viewer } from '../actor/viewer.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { findSession } from './find-session.ts'
import { revokeSession, stopTurns } from './stop-turns.ts'

/**
 * Takes a session from view and stops what goes on in it. Its messages and diffs stay readable; deleting it again
 * changes nothing.
 * @throws NotFoundError, ForbiddenError
 */
export const deleteSession = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    await revokeSession(tx, id)
    const session = await findSession(tx, viewer, id, 'AUTHOR')
    await stopTurns(tx, session)
    if (!session.closedAt) {
      session.closedAt = tx.now
      tx.emit({ projectId: session.projectId, sessionId: id }, { type: 'SessionChanged', sessionId: id, busy: false })
    }
    return id
  })
