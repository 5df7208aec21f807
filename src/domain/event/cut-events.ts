import { sql } from 'kysely'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'

const hour = 3_600_000

/**
 * An event has the time at which its transaction began, by the clock of its process, and the order of the log is another
 * one: so much later than promised it goes.
 */
const graceMs = hour

interface OldEvent {
  readonly xid: string
  readonly id: string
  readonly isOld: boolean
  /** A webhook has yet to be sent it. */
  readonly isAwaited: boolean
}

export interface Cut {
  readonly removed: number
  /** Whether there may be more to remove now. */
  readonly isMore: boolean
  /** Whether the next event is old enough to go, and stays for a webhook. */
  readonly isHeld: boolean
}

/**
 * Removes the oldest events, and moves the log's horizon to the last of them. It ends before the first one that is not old
 * enough, that a living webhook has yet to be sent, or that a transaction under way may still be put before: what is
 * left is everything after the horizon.
 * @param keepMs how long an event can be read at the least, in milliseconds
 * @param limit of events
 */
export const cutEvents = async (tx: Transaction, keepMs: number, limit: number): Promise<Cut> => {
  const db = rows(tx.em)
  const before = sql`now() - ${`${keepMs + graceMs} milliseconds`}::interval`
  const { rows: oldest } = await sql<OldEvent>`
    select xid::text, id::text, at < ${before} as "isOld", exists (
        select 1 from webhook where webhook.project_id = event.project_id and deleted_at is null and dead_at is null
          and (cursor_xid, cursor_id) < (event.xid, event.id)) as "isAwaited"
    from event where xid < pg_snapshot_xmin(pg_current_snapshot())
    order by event.xid, event.id limit ${limit}`.execute(db)
  const end = oldest.findIndex(({ isOld, isAwaited }) => !isOld || isAwaited)
  const gone = end < 0 ? oldest : oldest.slice(0, end)
  const last = gone.at(-1)
  if (last) {
    const place = sql`(${last.xid}::text::xid8, ${last.id}::bigint)`
    await sql`delete from event where (xid, id) <= ${place}`.execute(db)
    await sql`
      update event_horizon set (xid, event_id) = ${place}, before = greatest(before, ${before})`.execute(db)
    // Nothing that is gone was for them, so that none of them is behind the horizon.
    await sql`
      update webhook set (cursor_xid, cursor_id) = ${place}
      where deleted_at is null and dead_at is null and (cursor_xid, cursor_id) < ${place}`.execute(db)
  }
  return {
    removed: gone.length,
    isMore: gone.length === limit,
    isHeld: oldest[end]?.isOld ?? false,
  }
}
