import type { Services } from '../domain/shared/services.ts'
import { askForDeliveries, type DeliveryPatience } from '../domain/webhook/ask-for-deliveries.ts'
import { repeat } from './repeat.ts'

const intervalMs = 500

/** Looks at once and then on a timer for webhooks that have something to be sent. */
export const startWebhookSchedule = (services: Services, patience: DeliveryPatience): AsyncDisposable =>
  repeat(
    () => askForDeliveries(services, patience),
    intervalMs,
    (error) => services.log.warn({ error }, 'webhooks that are due could not be looked for; trying again'),
  )
