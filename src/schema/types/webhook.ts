import { eventTypes } from '../../domain/webhook/event-types.ts'
import { builder } from '../builder.ts'
import { WebhookRef } from '../refs.ts'
import { administered } from '../visible.ts'

builder.node(WebhookRef, {
  description: "Where a project's events are sent, signed as Standard Webhooks says. ADMIN of the project only.",
  id: { resolve: (webhook) => webhook.id },
  loadOne: async (id, context) => {
    const webhook = await context.load.webhook.load(id)
    return administered(context, webhook?.deletedAt ? null : webhook, webhook?.projectId)
  },
  fields: (t) => ({
    url: t.exposeString('url'),
    events: t.stringList({
      description: 'The types of events that it is sent, by their names here; all there are where none were named.',
      resolve: ({ eventTypes: wanted }) => [...(wanted ?? eventTypes)],
    }),
    secret: t.string({
      nullable: true,
      description: 'What its requests are signed with, as whsec_… Only in the answer to createWebhook.',
      resolve: ({ issuedSecret }) => issuedSecret ?? null,
    }),
    lastDeliveredAt: t.field({ type: 'DateTime', nullable: true, resolve: (webhook) => webhook.lastDeliveredAt }),
    failures: t.exposeInt('failures', { description: 'Of the event that comes next, one after the other.' }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Why the latest attempt failed; null when it did not.',
    }),
    deadAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Given up after a day of failures, or because the receiver answered with 410. Nothing is sent any more: delete it, create another one, and read what was missed with projectEvents.',
      resolve: (webhook) => webhook.deadAt,
    }),
  }),
})
