import type { Viewer } from '../actor/viewer.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { findSession } from './find-session.ts'
import { revokeSession, stopTurns } from './stop-turns.ts'

/**
 * Stops what the agents are doing, messages that wait their turn included: they stay in the conversation, and the coder
 * reads them with the next one. An idle session stays as it is.
 * @throws NotFoundError, ForbiddenError
 */
export const interruptSession = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    await revokeSession(tx, id)
    await stopTurns(tx, await findSession(tx, viewer, id, 'AUTHOR'))
    return id
  })
