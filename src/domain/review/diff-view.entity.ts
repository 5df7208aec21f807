import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Diff } from '../diff/diff.entity.ts'

/** That a person has opened or reviewed a diff, and when last. */
export const DiffView = defineEntity({
  name: 'DiffView',
  properties: {
    diffId: () => p.manyToOne(Diff).mapToPk().primary().fieldName('diff_id'),
    actorId: () => p.manyToOne(Actor).mapToPk().primary().fieldName('actor_id'),
    seenAt: p.datetime(),
  },
})
