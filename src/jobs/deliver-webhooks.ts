import { z } from 'zod'
import { defineJob } from './job.ts'

/** What waits for one webhook, one event after the other. */
export const deliverWebhooksJob = defineJob({
  name: 'deliver-webhooks',
  pool: 'webhooks',
  payload: z.strictObject({ webhookId: z.uuid() }),
})
