import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { currentCursor } from '../event/read-events.ts'
import { UnreadableSecretError } from '../ports/secrets.ts'
import { findProject } from '../project/find-project.ts'
import { rows } from '../shared/database.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { clientMutationId, fieldFault, validate } from '../shared/validate.ts'
import { eventTypes } from './event-types.ts'
import { Webhook } from './webhook.entity.ts'

const mostWebhooks = 20
const keyBytes = 32

const input = z.object({
  projectId: z.uuid(),
  url: z.string().trim(),
  events: z
    .array(z.string().pipe(z.enum(eventTypes, { error: `is not one of ${eventTypes.join(', ')}` })))
    .min(1, 'must name at least one type of event; leave it out for all of them')
    .max(100, 'must have at most 100 entries')
    .transform((types) => [...new Set(types)])
    .nullish(),
  clientMutationId,
})
export type CreateWebhookInput = z.input<typeof input>

export interface CreatedWebhook {
  readonly id: string
  /** Null when an earlier call made the webhook and it was deleted since. */
  readonly secret: string | null
}

const requireRoom = async (tx: Transaction, projectId: string): Promise<void> => {
  const { count } = await rows(tx.em)
    .selectFrom('Webhook')
    .select((row) => row.fn.countAll<string>().as('count'))
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .executeTakeFirstOrThrow()
  if (Number(count) >= mostWebhooks) {
    throw fieldFault('projectId', `the project has ${mostWebhooks} webhooks, and may have no more: delete one first`)
  }
}

/** The secret of a webhook that an earlier call made: whoever asks again has lost the answer. */
const earlierSecret = async ({ secrets, em }: Services, id: string): Promise<string | null> => {
  const { secret } = await rows(em())
    .selectFrom('Webhook')
    .select('secret')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  try {
    return secret === null ? null : secrets.open(secret, id)
  } catch (error) {
    if (!(error instanceof UnreadableSecretError)) throw error
    throw fieldFault('clientMutationId', `${error.message} Delete the webhook and create another one.`)
  }
}

/**
 * Has a project's events sent to a URL, from now on.
 * @throws NotFoundError, ForbiddenError, ValidationError
 */
export const createWebhook = async (
  services: Services,
  viewer: Viewer,
  given: CreateWebhookInput,
): Promise<CreatedWebhook> => {
  const checked = validate(input, given)
  const fault = services.webhooks.urlFault(checked.url)
  if (fault !== null) throw fieldFault('url', `cannot be used: ${fault}`)
  const newId = randomUUID()
  const newSecret = `whsec_${randomBytes(keyBytes).toString('base64')}`
  const id = await transact(services, async (tx) => {
    // Locked: of several that make the last webhook that there is room for, one does.
    const project = await findProject(tx, viewer, checked.projectId, 'ADMIN', true)
    return once(tx, viewer, 'createWebhook', checked.clientMutationId, async () => {
      await requireRoom(tx, project.id)
      const { xid, id: cursorId } = await currentCursor(tx.em)
      tx.em.create(Webhook, {
        id: newId,
        projectId: project.id,
        url: checked.url,
        eventTypes: checked.events ?? null,
        secret: services.secrets.seal(newSecret, newId),
        cursorXid: xid,
        cursorId,
        failures: 0,
        nextAt: tx.now,
        createdById: viewer.actor.id,
        createdAt: tx.now,
      })
      return newId
    })
  })
  return { id, secret: id === newId ? newSecret : await earlierSecret(services, id) }
}
