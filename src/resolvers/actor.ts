import { requireGlobalRole } from '../domain/actor/access.ts'
import type { ActorRow } from '../domain/actor/actor.entity.ts'
import type { ApiTokenRow } from '../domain/actor/api-token.entity.ts'
import { createActor } from '../domain/actor/create-actor.ts'
import { createApiToken } from '../domain/actor/create-api-token.ts'
import { revokeApiToken } from '../domain/actor/revoke-api-token.ts'
import { updateActor } from '../domain/actor/update-actor.ts'
import { ForbiddenError, NotFoundError, ValidationError } from '../domain/errors.ts'
import { builder } from '../schema/builder.ts'
import { ActorConnection, ApiTokenConnection } from '../schema/connections.ts'
import { ActorKindEnum, RoleEnum } from '../schema/enums.ts'
import { found } from '../schema/found.ts'
import { localId, optionalId } from '../schema/ids.ts'
import { page } from '../schema/pages.ts'
import { ActorRef, ApiTokenRef } from '../schema/refs.ts'
import { IssuedApiTokenRef } from '../schema/types/actor.ts'

builder.queryField('viewer', (t) =>
  t.field({ type: ActorRef, description: 'Who asks.', resolve: (_root, _args, { viewer }) => viewer.actor }),
)

builder.queryField('actors', (t) =>
  t.connection(
    {
      type: ActorRef,
      description: 'Everyone who acts here, oldest first. ADMIN only.',
      resolve: (_root, args, { viewer, load }) => {
        requireGlobalRole(viewer, 'ADMIN')
        return page<ActorRow>(load.page, { table: 'Actor', order: 'asc' }, args)
      },
    },
    ActorConnection,
  ),
)

builder.queryField('apiTokens', (t) =>
  t.connection(
    {
      type: ApiTokenRef,
      description: "The viewer's tokens, newest first.",
      resolve: (_root, args, { viewer, load }) =>
        page<ApiTokenRow>(
          load.page,
          { table: 'ApiToken', owner: { property: 'actorId', id: viewer.actor.id }, order: 'desc' },
          args,
        ),
    },
    ApiTokenConnection,
  ),
)

const CreateActorInput = builder.inputType('CreateActorInput', {
  fields: (t) => ({
    kind: t.field({ type: ActorKindEnum, required: true }),
    name: t.string({ required: true }),
    email: t.string(),
    role: t.field({ type: RoleEnum, description: 'On every project; none: only where they become a member.' }),
    ownerId: t.id({ description: 'For an AGENT or SERVICE: the person who answers for it.' }),
    clientMutationId: t.string(),
  }),
})

builder.mutationField('createActor', (t) =>
  t.field({
    type: ActorRef,
    args: { input: t.arg({ type: CreateActorInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, { input }, context) => {
      const ownerId = optionalId('Actor', input.ownerId)
      const id = await createActor(context.services, context.viewer, { ...input, ownerId })
      return found(await context.startOver().actor.load(id))
    },
  }),
)

builder.mutationField('updateActor', (t) =>
  t.field({
    type: ActorRef,
    description:
      'Changes what is given; ADMIN on all projects only. It counts from the next request, and closes connections within a minute. One enabled person with the role ADMIN always remains, and who answers for enabled agents or services cannot be disabled before these.',
    args: {
      id: t.arg.id({ required: true }),
      name: t.arg.string(),
      role: t.arg({
        type: RoleEnum,
        description: 'On every project; null takes it away, and only memberships count then. Left out, it stays.',
      }),
      disabled: t.arg.boolean({ description: 'A disabled actor cannot come in: every token of theirs is refused.' }),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = await updateActor(context.services, context.viewer, { ...args, id: localId('Actor', args.id) })
      return found(await context.startOver().actor.load(id))
    },
  }),
)

builder.mutationField('createApiToken', (t) =>
  t.field({
    type: IssuedApiTokenRef,
    description: 'Without actorId, for the viewer.',
    args: {
      actorId: t.arg.id(),
      name: t.arg.string({ required: true }),
      role: t.arg({ type: RoleEnum, required: true }),
      expiresAt: t.arg({ type: 'DateTime' }),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const actorId = optionalId('Actor', args.actorId)
      const issued = await createApiToken(context.services, context.viewer, { ...args, actorId })
      context.startOver()
      return issued
    },
  }),
)

builder.mutationField('revokeApiToken', (t) =>
  t.field({
    type: ApiTokenRef,
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = await revokeApiToken(context.services, context.viewer, localId('ApiToken', args.id))
      return found(await context.startOver().apiToken.load(id))
    },
  }),
)
