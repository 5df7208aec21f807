import { globalRole, includesRole } from '../../domain/actor/viewer.ts'
import type { MembershipRow } from '../../domain/project/membership.entity.ts'
import { builder } from '../builder.ts'
import { ActorKindEnum, RoleEnum } from '../enums.ts'
import { found } from '../found.ts'
import { ActorRef, ApiTokenRef } from '../refs.ts'

builder.node(ActorRef, {
  description: 'A person, agent or service that acts here.',
  id: { resolve: (actor) => actor.id },
  loadOne: (id, { load }) => load.actor.load(id),
  fields: (t) => ({
    kind: t.field({ type: ActorKindEnum, resolve: (actor) => actor.kind }),
    name: t.exposeString('name'),
    email: t.exposeString('email', { nullable: true }),
    role: t.field({
      type: RoleEnum,
      nullable: true,
      description: 'On every project; null means only where the actor is a member.',
      resolve: (actor) => actor.role,
    }),
    owner: t.field({
      type: ActorRef,
      nullable: true,
      description: 'The person who answers for an AGENT or SERVICE; the two count as one when approvals are counted.',
      resolve: (actor, _, { load }) => (actor.ownerId === null ? null : load.actor.load(actor.ownerId)),
    }),
    disabledAt: t.field({ type: 'DateTime', nullable: true, resolve: (actor) => actor.disabledAt }),
  }),
})

export const MembershipRef = builder.objectRef<MembershipRow>('Membership').implement({
  description: "An actor's role on one project.",
  fields: (t) => ({
    actor: t.field({
      type: ActorRef,
      resolve: async (membership, _, { load }) => found(await load.actor.load(membership.actorId)),
    }),
    role: t.field({ type: RoleEnum, resolve: (membership) => membership.role }),
  }),
})

builder.node(ApiTokenRef, {
  description: 'A token acts as its actor, at most with its own role.',
  id: { resolve: (token) => token.id },
  loadOne: async (id, { load, viewer }) => {
    const token = await load.apiToken.load(id)
    return token?.actorId === viewer.actor.id || includesRole(globalRole(viewer), 'ADMIN') ? token : null
  },
  fields: (t) => ({
    actor: t.field({
      type: ActorRef,
      resolve: async (token, _, { load }) => found(await load.actor.load(token.actorId)),
    }),
    name: t.exposeString('name'),
    role: t.field({ type: RoleEnum, resolve: (token) => token.role }),
    createdAt: t.field({ type: 'DateTime', resolve: (token) => token.createdAt }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'To the minute.',
      resolve: (token) => token.lastUsedAt,
    }),
    expiresAt: t.field({ type: 'DateTime', nullable: true, resolve: (token) => token.expiresAt }),
    revokedAt: t.field({ type: 'DateTime', nullable: true, resolve: (token) => token.revokedAt }),
  }),
})

export interface IssuedToken {
  readonly id: string
  readonly secret: string
}

export const IssuedApiTokenRef = builder.objectRef<IssuedToken>('IssuedApiToken').implement({
  description: 'A new token.',
  fields: (t) => ({
    token: t.field({
      type: ApiTokenRef,
      resolve: async (issued, _, { load }) => found(await load.apiToken.load(issued.id)),
    }),
    secret: t.exposeString('secret', { description: 'Shown once; only its hash is stored.' }),
  }),
})
