import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from './actor.entity.ts'

/** What a create mutation made for a clientMutationId, so that a repeated call answers with the same object. */
export const ClientMutation = defineEntity({
  name: 'ClientMutation',
  properties: {
    actorId: () => p.manyToOne(Actor).mapToPk().primary().fieldName('actor_id'),
    mutation: p.text().primary(),
    clientMutationId: p.text().primary(),
    objectId: p.uuid(),
    createdAt: p.datetime(),
  },
  indexes: [{ name: 'client_mutation_created_at_index', properties: ['createdAt'] }],
})
