import { defineEntity, p } from '@mikro-orm/core'
import type { Role } from '../errors.ts'
import type { Row } from '../shared/row.ts'

export const actorKinds = ['HUMAN', 'AGENT', 'SERVICE'] as const
export type ActorKind = (typeof actorKinds)[number]

export const Actor = defineEntity({
  name: 'Actor',
  properties: {
    id: p.uuid().primary(),
    kind: p.text().$type<ActorKind>(),
    name: p.text(),
    email: p.text().strictNullable(),
    /** On every project; null means only where the actor is a member. */
    role: p.text().$type<Role>().strictNullable(),
    ownerId: () => p.manyToOne(Actor).mapToPk().strictNullable().fieldName('owner_id'),
    disabledAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
  },
})
export type ActorRow = Row<typeof Actor>
