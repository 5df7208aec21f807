import { ForbiddenError, NotFoundError, ValidationError } from '../domain/errors.ts'
import { createWebhook } from '../domain/webhook/create-webhook.ts'
import { deleteWebhook } from '../domain/webhook/delete-webhook.ts'
import { builder } from '../schema/builder.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { WebhookRef } from '../schema/refs.ts'

const CreateWebhookInput = builder.inputType('CreateWebhookInput', {
  fields: (t) => ({
    projectId: t.id({ required: true }),
    url: t.string({
      required: true,
      description: 'Without user name, password or fragment; allowed schemes and hosts come from the configuration.',
    }),
    events: t.stringList({
      description: 'Types of events, as DiffChanged. Left out: all there are, also those that a later version adds.',
    }),
    clientMutationId: t.string({
      description: 'The same one again answers with the object that the first call made, its secret included.',
    }),
  }),
})

builder.mutationField('createWebhook', (t) =>
  t.field({
    type: WebhookRef,
    description:
      'Events are delivered signed (Standard Webhooks), at least once, in order per project, with backoff. Those of the project from now on. ADMIN only.',
    args: { input: t.arg({ type: CreateWebhookInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, { input }, context) => {
      const given = { ...input, projectId: localId('Project', input.projectId) }
      const { id, secret } = await createWebhook(context.services, context.viewer, given)
      return { ...found(await context.startOver().webhook.load(id)), issuedSecret: secret }
    },
  }),
)

builder.mutationField('deleteWebhook', (t) =>
  t.field({
    type: WebhookRef,
    description: 'What waits for it is not sent, and a request that is on its way is broken off. ADMIN only.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = await deleteWebhook(context.services, context.viewer, localId('Webhook', args.id))
      return found(await context.startOver().webhook.load(id))
    },
  }),
)
