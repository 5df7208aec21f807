import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { validate } from '../shared/validate.ts'
import { changeMessage, findWordable } from './change-message.ts'
import { commitMessage } from './commit-message.ts'

const input = z.object({ diffId: z.uuid(), message: commitMessage })
export type UpdateCommitMessageInput = z.input<typeof input>

/**
 * Sets the message that a diff will be committed under. What was approved under another one falls, but for the approval
 * of whoever sets it.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError
 */
export const updateCommitMessage = async (
  services: Services,
  viewer: Viewer,
  given: UpdateCommitMessageInput,
): Promise<string> => {
  const { diffId, message } = validate(input, given)
  return transact(services, async (tx) => {
    const { diff } = await findWordable(tx, viewer, diffId)
    await changeMessage(tx, diff, message, viewer)
    return diffId
  })
}
