import { sql } from 'kysely'
import { maintainProjectJob } from '../../jobs/maintain-project.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { findDueProjects } from './due-projects.ts'
import { defaultMaintenance, type MaintenanceSettings } from './maintenance-settings.ts'

/** How many projects are being maintained, or were asked for a moment ago and wait for a worker. */
const countBusy = async (em: Transaction['em'], now: Date, { waitingMs }: MaintenanceSettings): Promise<number> => {
  const { rows: found } = await sql<{ busy: number }>`
    select count(*)::int as busy from (
      select project.id::text from outbox join project on project.id::text = payload ->> 'projectId'
        where job = ${maintainProjectJob.name} and outbox.created_at > ${new Date(now.getTime() - waitingMs)}
          and (maintained_at is null or maintained_at < outbox.created_at)
      union select substr(resource, length('maintenance:') + 1) from lease
        where resource like 'maintenance:%' and until > now()
    ) as projects`.execute(rows(em))
  return found[0]?.busy ?? 0
}

/**
 * Asks for the maintenance of projects that are due, a few at a time. Any number of processes may ask at once.
 * @returns how many projects were asked for
 */
export const askForMaintenance = async (
  services: Services,
  settings: MaintenanceSettings = defaultMaintenance,
): Promise<number> => {
  const due = await findDueProjects(services, settings, settings.atOnce)
  if (due.length === 0) return 0
  return transact(services, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('maintenance', 0))`.execute(rows(tx.em))
    const since = new Date(tx.now.getTime() - settings.retryMs)
    const asked = await sql<{ id: string }>`
      select payload ->> 'projectId' as id from outbox
      where job = ${maintainProjectJob.name} and created_at > ${since}`.execute(rows(tx.em))
    const already = new Set(asked.rows.map(({ id }) => id))
    const room = settings.atOnce - (await countBusy(tx.em, tx.now, settings))
    const fresh = due.filter((id) => !already.has(id)).slice(0, Math.max(0, room))
    for (const projectId of fresh) tx.enqueue(maintainProjectJob, { projectId })
    return fresh.length
  })
}
