import { sql } from 'kysely'
import { trimLogsJob } from '../../jobs/trim-logs.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'

const hour = 3_600_000

const wasAsked = async (em: Transaction['em'], intervalMs: number): Promise<boolean> => {
  const { rows: found } = await sql`
    select from outbox where job = ${trimLogsJob.name}
      and created_at > now() - ${`${intervalMs} milliseconds`}::interval limit 1`.execute(rows(em))
  return found.length > 0
}

/**
 * Asks for old rows to be removed, unless somebody did within the interval. Any number of processes may ask at once.
 * @returns whether it was asked for
 */
export const askForTrimming = async (services: Services, intervalMs = hour): Promise<boolean> => {
  if (await wasAsked(services.em(), intervalMs)) return false
  return transact(services, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('retention', 0))`.execute(rows(tx.em))
    if (await wasAsked(tx.em, intervalMs)) return false
    tx.enqueue(trimLogsJob, {})
    return true
  })
}
