import { sql } from 'kysely'
import { maintainProjectJob } from '../../jobs/maintain-project.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { MaintenanceSettings } from './maintenance-settings.ts'

const before = (now: Date, ms: number): Date => new Date(now.getTime() - ms)

/** Projects that have a repository, the one that waits longest first; `late` where something happened and the last maintenance is long past. */
const candidates = (now: Date, { intervalMs, settleMs }: MaintenanceSettings) => sql`
  select id, coalesce(maintained_at, created_at) as since, coalesce(maintained_at, created_at) <= ${before(now, intervalMs)}
    and coalesce((select at from event where project_id = project.id order by xid desc, id desc limit 1), created_at)
      > coalesce(maintained_at, created_at) - ${`${settleMs} milliseconds`}::interval as late
  from project
  where status in ('READY', 'ARCHIVED') and head_commit is not null`

const isCluttered = async ({ git }: Services, projectId: string, { clutter }: MaintenanceSettings) => {
  const { looseObjects, packs } = await git.clutter(projectId)
  return looseObjects > clutter.looseObjects || packs > clutter.packs
}

/** Whether a project is due for maintenance: something happened, or it has many loose objects or packs. */
export const isDue = async (services: Services, projectId: string, settings: MaintenanceSettings): Promise<boolean> => {
  const { rows: found } = await sql<{ late: boolean }>`
    select late from (${candidates(services.clock(), settings)}) as work where id = ${projectId}`.execute(
    rows(services.em()),
  )
  const [project] = found
  if (!project) return false
  return project.late || (await isCluttered(services, projectId, settings))
}

/** At most so many projects that are due, that nobody maintains, and whose maintenance was not asked for just now. */
export const findDueProjects = async (
  services: Services,
  settings: MaintenanceSettings,
  limit: number,
): Promise<readonly string[]> => {
  const now = services.clock()
  const { rows: found } = await sql<{ id: string; late: boolean }>`
    select work.id::text, work.late from (${candidates(now, settings)}) as work
    where not exists (select 1 from lease where resource = 'maintenance:' || work.id::text and until > now())
      and not exists (select 1 from outbox where job = ${maintainProjectJob.name}
        and payload ->> 'projectId' = work.id::text and created_at > ${before(now, settings.retryMs)})
    order by work.since, work.id`.execute(rows(services.em()))
  const due: string[] = []
  for (const { id, late } of found) {
    if (due.length >= limit) break
    if (late || (await isCluttered(services, id, settings))) due.push(id)
  }
  return due
}
