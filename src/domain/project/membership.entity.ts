import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import type { Role } from '../errors.ts'
import type { Row } from '../shared/row.ts'
import { Project } from './project.entity.ts'

export const Membership = defineEntity({
  name: 'Membership',
  properties: {
    projectId: () => p.manyToOne(Project).mapToPk().primary().fieldName('project_id'),
    actorId: () => p.manyToOne(Actor).mapToPk().primary().fieldName('actor_id'),
    role: p.text().$type<Role>(),
  },
  indexes: [{ name: 'membership_actor_id_index', properties: ['actorId'] }],
})
export type MembershipRow = Row<typeof Membership>
