import { askForMaintenance } from '../domain/maintenance/ask-for-maintenance.ts'
import type { Services } from '../domain/shared/services.ts'

const intervalMs = 60_000

/** Looks at once and then on a timer for projects that are due for maintenance. */
export const startMaintenanceSchedule = (services: Services): AsyncDisposable => {
  let running: Promise<void> | undefined
  const look = () => {
    running ??= askForMaintenance(services)
      .then((asked) => {
        if (asked > 0) services.log.info({ asked }, 'the maintenance of projects was asked for')
      })
      .catch((error: unknown) =>
        services.log.warn({ error }, 'projects that are due for maintenance could not be looked for; trying again'),
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
