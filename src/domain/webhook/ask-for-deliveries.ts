import { sql } from 'kysely'
import { deliverWebhooksJob } from '../../jobs/deliver-webhooks.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'

/** How long a job that was asked for is waited for, in milliseconds. */
export interface DeliveryPatience {
  readonly waitingMs: number
  /** The same where whoever delivered is gone. */
  readonly abandonedMs: number
}

/**
 * Asks for a delivery for each webhook that is due and has events before it, unless one was asked for already. Any number
 * of processes may do so at once.
 * @returns for how many
 */
export const askForDeliveries = async (services: Services, patience: DeliveryPatience): Promise<number> => {
  const now = services.clock()
  const longAgo = new Date(now.getTime() - patience.waitingMs)
  const lately = new Date(now.getTime() - patience.abandonedMs)
  const due = sql<{ id: string }>`
    select id from webhook work
    where deleted_at is null and dead_at is null and next_at <= ${now}
      and (asked_at is null or asked_at <= ${longAgo} or asked_at <= ${lately} and exists (
        select 1 from lease where resource = 'webhook:' || work.id::text
          and until > to_timestamp(0) and until < now()))
      and exists (
        select 1 from event
        where project_id = work.project_id and (xid, id) > (work.cursor_xid, work.cursor_id)
          and xid < pg_snapshot_xmin(pg_current_snapshot()))`
  // Mostly there is none, and so nothing to write.
  const { rows: found } = await sql`${due} limit 1`.execute(rows(services.em()))
  if (found.length === 0) return 0
  return transact(services, async (tx) => {
    const { rows: asked } = await sql<{ id: string }>`
      update webhook set asked_at = ${now} where id in (${due} for update skip locked)
      returning id::text`.execute(rows(tx.em))
    for (const { id } of asked) tx.enqueue(deliverWebhooksJob, { webhookId: id })
    return asked.length
  })
}
