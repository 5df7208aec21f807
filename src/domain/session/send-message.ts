import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { clientMutationId, fieldFault, prose, validate } from '../shared/validate.ts'
import { findOpenSession } from './find-session.ts'
import { countOpenTurns, openTurn } from './open-turn.ts'

const input = z.object({ sessionId: z.uuid(), text: prose(100_000), clientMutationId })
export type SendMessageInput = z.input<typeof input>

const maxWaiting = 50

/**
 * Says something in a session. While the agents are busy with an earlier message it waits its turn.
 * @returns the message's id
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, CapacityError
 */
export const sendMessage = async (services: Services, viewer: Viewer, given: SendMessageInput): Promise<string> => {
  const { sessionId, text, clientMutationId } = validate(input, given)
  return transact(services, async (tx) => {
    const session = await findOpenSession(tx, viewer, sessionId, 'AUTHOR')
    return once(tx, viewer, 'sendMessage', clientMutationId, async () => {
      if ((await countOpenTurns(tx, sessionId)) > maxWaiting) {
        throw fieldFault('text', `${maxWaiting} messages wait in this session already: wait, or interrupt it first`)
      }
      await requireCapacity(services, tx, session.projectId)
      const author = viewer.actor.id
      return openTurn(tx, session, {
        words: text,
        remarks: [],
        text,
        authorId: author,
        requestedById: author,
        diffId: null,
      })
    })
  })
}
