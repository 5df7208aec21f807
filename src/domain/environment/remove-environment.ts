import { LockMode } from '@mikro-orm/core'
import { sql } from 'kysely'
import { removeEnvironmentJob } from '../../jobs/remove-environment.ts'
import { leaseOn, withLease } from '../lease/lease.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { Environment } from './environment.entity.ts'
import { layerAgeMs } from './environment-settings.ts'
import { hasLayer } from './has-layer.ts'

/** For one that was asked for and did not come about. */
const retryMs = 3_600_000

// A run that has not ended holds its environment, however long ago it asked for it. The driver is the one that can.
const unused = ({ clock, sandbox }: Pick<Services, 'clock' | 'sandbox'>, ageMs: number) => sql`
  status = 'SUCCEEDED' and removed_at is null and driver = ${sandbox.driver}
  and needed_at < ${new Date(clock().getTime() - ageMs)}
  and not exists (select 1 from test_run
    where environment_id = environment.id and test_run.status in ('QUEUED', 'RUNNING'))`

/** Layers that no run needed for long, with those whose removal was decided and did not come about. */
const removable = async (services: Services, ageMs: number): Promise<readonly string[]> => {
  const { rows: found } = await sql<{ id: string; hash: string; isDecided: boolean }>`
    select id::text, hash, removed_at is not null as "isDecided" from environment
    where (${unused(services, ageMs)}) or (removed_at is not null and driver = ${services.sandbox.driver})`.execute(
    rows(services.em()),
  )
  const isThere = await Promise.all(found.map(({ hash, isDecided }) => !isDecided || hasLayer(services, hash)))
  return found.filter((_, index) => isThere[index]).map(({ id }) => id)
}

/** Asks for the removal of layers that no run needed for long. @returns how many were asked for */
export const askForRemoval = async (services: Services, ageMs = layerAgeMs): Promise<number> => {
  const ids = await removable(services, ageMs)
  if (ids.length === 0) return 0
  return transact(services, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('environments', 0))`.execute(rows(tx.em))
    const since = new Date(tx.now.getTime() - retryMs)
    const asked = await sql<{ id: string }>`
      select payload ->> 'environmentId' as id from outbox
      where job = ${removeEnvironmentJob.name} and created_at > ${since}`.execute(rows(tx.em))
    const already = new Set(asked.rows.map(({ id }) => id))
    const fresh = ids.filter((id) => !already.has(id))
    for (const environmentId of fresh) tx.enqueue(removeEnvironmentJob, { environmentId })
    return fresh.length
  })
}

/** Removes a layer that is still unused. Its row stays and says so: it is built again when a run needs it. */
export const removeEnvironment = async (
  services: Services,
  id: string,
  stop: AbortSignal,
  ageMs = layerAgeMs,
): Promise<void> => {
  // The builder's lease: what is removed is not being built again meanwhile.
  await withLease(services, leaseOn('environment', id), stop, async (lease) => {
    const hash = await lease.transact(async (tx) => {
      const environment = await tx.em.findOne(Environment, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
      const { rows: found } =
        await sql`select 1 from environment where id = ${id} and ${unused(services, ageMs)}`.execute(rows(tx.em))
      if (!environment || (found.length === 0 && environment.removedAt == null)) return null
      environment.removedAt = tx.now
      return environment.hash
    })
    lease.mustBeHeld()
    if (hash !== null) await services.sandbox.removeLayer(services.layerDirectory(hash))
  })
}
