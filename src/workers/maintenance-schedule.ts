import { askForRemoval } from '../domain/environment/remove-environment.ts'
import { askForMaintenance } from '../domain/maintenance/ask-for-maintenance.ts'
import { askForTrimming } from '../domain/maintenance/ask-for-trimming.ts'
import type { Services } from '../domain/shared/services.ts'
import { repeat } from './repeat.ts'

const intervalMs = 60_000

const ask = async (services: Services): Promise<void> => {
  const asked = await askForMaintenance(services)
  if (asked > 0) services.log.info({ asked }, 'the maintenance of projects was asked for')
  const unused = await askForRemoval(services)
  if (unused > 0) services.log.info({ unused }, 'the removal of unused environments was asked for')
  if (await askForTrimming(services)) services.log.debug({}, 'the removal of old rows was asked for')
}

/**
 * Looks at once and then on a timer for projects that are due for maintenance, for environments that nobody needs, and
 * whether it is time to remove old rows.
 */
export const startMaintenanceSchedule = (services: Services): AsyncDisposable =>
  repeat(
    () => ask(services),
    intervalMs,
    (error) => services.log.warn({ error }, 'what is due for maintenance could not be looked for; trying again'),
  )
