import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Diff } from '../diff/diff.entity.ts'

/** That somebody has read a file of a change, as it was: in whatever iteration it is the same, it is read. */
export const FileMark = defineEntity({
  name: 'FileMark',
  properties: {
    /** The first iteration of the change. */
    changeId: () => p.manyToOne(Diff).mapToPk().primary().fieldName('change_id'),
    actorId: () => p.manyToOne(Actor).mapToPk().primary().fieldName('actor_id'),
    path: p.text().primary(),
    /** As `readHash` gives it. */
    readHash: p.text().primary(),
    markedAt: p.datetime(),
  },
})
