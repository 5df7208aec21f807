import { randomUUID } from 'node:crypto'
import { LockMode } from '@mikro-orm/core'
import { z } from 'zod'
import { NotFoundError, roles } from '../errors.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { clientMutationId, fieldFault, line, validate } from '../shared/validate.ts'
import { requireGlobalRole } from './access.ts'
import { Actor, actorKinds } from './actor.entity.ts'
import type { Viewer } from './viewer.ts'

const input = z.object({
  kind: z.enum(actorKinds),
  name: line(200),
  email: z.email().max(200).nullish(),
  role: z.enum(roles).nullish(),
  ownerId: z.uuid().nullish(),
  clientMutationId,
})
export type CreateActorInput = z.input<typeof input>

/**
 * Makes a person, agent or service known. Agents and services have an owner who answers for them.
 * @throws ForbiddenError, ValidationError, NotFoundError
 */
export const createActor = async (services: Services, viewer: Viewer, given: CreateActorInput): Promise<string> => {
  requireGlobalRole(viewer, 'ADMIN')
  const checked = validate(input, given)
  if (checked.kind === 'HUMAN' && checked.ownerId) throw fieldFault('ownerId', 'a person has no owner')
  if (checked.kind !== 'HUMAN' && !checked.ownerId) throw fieldFault('ownerId', 'an agent or service needs an owner')
  return transact(services, (tx) =>
    once(tx, viewer, 'createActor', checked.clientMutationId, async () => {
      if (checked.ownerId) {
        // Locked, or they could be disabled meanwhile and answer for nobody.
        const owner = await tx.em.findOne(Actor, { id: checked.ownerId }, { lockMode: LockMode.PESSIMISTIC_READ })
        if (!owner) throw new NotFoundError('actor', checked.ownerId)
        if (owner.kind !== 'HUMAN') throw fieldFault('ownerId', 'an owner must be a person')
        if (owner.disabledAt) throw fieldFault('ownerId', 'is disabled: an owner has to answer for the actor')
      }
      const id = randomUUID()
      tx.em.create(Actor, {
        id,
        kind: checked.kind,
        name: checked.name,
        email: checked.email ?? null,
        role: checked.role ?? null,
        ownerId: checked.ownerId ?? null,
        createdAt: tx.now,
      })
      return id
    }),
  )
}
