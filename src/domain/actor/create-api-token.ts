import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { NotFoundError, roles } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault, line, validate } from '../shared/validate.ts'
import { requireGlobalRole } from './access.ts'
import { Actor } from './actor.entity.ts'
import { ApiToken } from './api-token.entity.ts'
import { newTokenSecret, tokenSecretHash } from './token-secret.ts'
import { boundedRole, type Viewer } from './viewer.ts'

const input = z.object({
  actorId: z.uuid().nullish(),
  name: line(200),
  role: z.enum(roles),
  expiresAt: z.date().nullish(),
})

/**
 * Makes a token for the viewer, or by an ADMIN for another actor. It never has more than the viewer's own token's role.
 * @returns the token's id, and the secret, which is stored nowhere
 * @throws ForbiddenError, ValidationError, NotFoundError
 */
export const createApiToken = async (
  services: Services,
  viewer: Viewer,
  given: z.input<typeof input>,
): Promise<{ id: string; secret: string }> => {
  const checked = validate(input, given)
  const actorId = checked.actorId ?? viewer.actor.id
  if (actorId !== viewer.actor.id) requireGlobalRole(viewer, 'ADMIN')
  const id = randomUUID()
  const secret = newTokenSecret()
  await transact(services, async (tx) => {
    const actor = await tx.em.findOne(Actor, { id: actorId })
    if (!actor) throw new NotFoundError('actor', actorId)
    if (actor.disabledAt) throw fieldFault('actorId', 'is disabled, and no token of theirs is taken')
    tx.em.create(ApiToken, {
      id,
      actorId,
      name: checked.name,
      role: boundedRole(checked.role, viewer.tokenRole) ?? checked.role,
      secretHash: tokenSecretHash(secret),
      createdAt: tx.now,
      expiresAt: checked.expiresAt ?? null,
    })
  })
  return { id, secret }
}
