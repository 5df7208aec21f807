import type { Services } from '../domain/shared/services.ts'
import { askForDeliveries, type DeliveryPatience } from '../domain/webhook/ask-for-deliveries.ts'

const intervalMs = 500

/** Looks at once and then on a timer for webhooks that have something to be sent. */
export const startWebhookSchedule = (services: Services, patience: DeliveryPatience): AsyncDisposable => {
  let running: Promise<unknown> | undefined
  const look = () => {
    running ??= askForDeliveries(services, patience)
      .catch((error: unknown) =>
        services.log.warn({ error }, 'webhooks that are due could not be looked for; trying again'),
      )
      .finally(() => {
        running = undefined
      })
  }
  const timer = setInterval(look, intervalMs)
  look()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
