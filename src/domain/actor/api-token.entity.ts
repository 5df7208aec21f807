import { defineEntity, p } from '@mikro-orm/core'
import type { Role } from '../errors.ts'
import type { Row } from '../shared/row.ts'
import { Actor } from './actor.entity.ts'

export const ApiToken = defineEntity({
  name: 'ApiToken',
  properties: {
    id: p.uuid().primary(),
    actorId: () => p.manyToOne(Actor).mapToPk().fieldName('actor_id').index(),
    name: p.text(),
    role: p.text().$type<Role>(),
    /** SHA-256 of the secret, which is random and long: a slow hash would add nothing. */
    secretHash: p.text().unique().hidden(),
    createdAt: p.datetime(),
    lastUsedAt: p.datetime().strictNullable(),
    expiresAt: p.datetime().strictNullable(),
    revokedAt: p.datetime().strictNullable(),
  },
})
export type ApiTokenRow = Row<typeof ApiToken>
