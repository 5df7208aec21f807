import type { EntityManager } from '@mikro-orm/postgresql'
import { sql } from 'kysely'
import { CursorTooOldError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import { fieldFault } from '../shared/validate.ts'
import type { EventRow } from './event.entity.ts'
import { type EventCursor, formatCursor, isAfter, parseCursor } from './event-cursor.ts'

/** Which events a reader wants. projectIds: null means every project. */
export interface EventFilter {
  readonly projectIds: readonly string[] | null
  readonly sprintId?: string
  readonly sessionId?: string
  readonly diffId?: string
}

/**
 * Where the log stands now: every event that is not yet readable comes after it. Read the state after this, then the
 * events after it, and nothing is missed.
 */
export const currentCursor = async (em: EntityManager): Promise<EventCursor> => {
  const { rows: found } = await sql<EventCursor>`
    select greatest(pg_snapshot_xmin(pg_current_snapshot()), xid)::text as xid, first_id::text as id
    from event_horizon`.execute(rows(em))
  return found[0] ?? { xid: '0', id: '0' }
}

/**
 * Looks that everything after a cursor is still there.
 * @throws CursorTooOldError when the log was cut behind it, or restored to a time before it
 */
export const requireKept = async (em: EntityManager, cursor: EventCursor): Promise<void> => {
  const cut = await rows(em)
    .selectFrom('EventHorizon')
    .select('before')
    .where(
      sql<boolean>`(xid, event_id) > (${cursor.xid}::text::xid8, ${cursor.id}::bigint)
        or (${cursor.xid}::text::xid8 > xid and ${cursor.id}::bigint < first_id)`,
    )
    .executeTakeFirst()
  if (cut) throw new CursorTooOldError(formatCursor(cursor), cut.before)
}

/**
 * Reads a cursor that a client gives.
 * @throws ValidationError when it is none, or ahead of this log: then it is another one's, and nothing would come;
 * CursorTooOldError when events after it are gone, or it is of a time that a restore has undone
 */
export const findCursor = async (em: EntityManager, text: string): Promise<EventCursor> => {
  const cursor = parseCursor(text)
  await requireKept(em, cursor)
  if (isAfter(cursor, await currentCursor(em))) throw fieldFault('after', 'is ahead of this event log')
  return cursor
}

/**
 * Events after a cursor, in the log's order. Only rows of transactions that ended before every one still under way:
 * so nothing can appear behind what was read.
 * @throws CursorTooOldError when some of them are gone
 */
export const readEvents = async (
  em: EntityManager,
  after: EventCursor,
  filter: EventFilter,
  limit: number,
): Promise<readonly EventRow[]> => {
  if (filter.projectIds?.length === 0) return []
  let query = rows(em)
    .selectFrom('EventRecord')
    .selectAll()
    .where(sql<boolean>`(xid, id) > (${after.xid}::text::xid8, ${after.id}::bigint)`)
    .where(sql<boolean>`xid < pg_snapshot_xmin(pg_current_snapshot())`)
    // In the same statement, so that what is found is without a gap while the log is being cut.
    .where(sql<boolean>`(${after.xid}::text::xid8, ${after.id}::bigint) >= (select xid, event_id from event_horizon)`)
  if (filter.sprintId) query = query.where('sprintId', '=', filter.sprintId)
  else if (filter.sessionId) query = query.where('sessionId', '=', filter.sessionId)
  else if (filter.diffId) query = query.where('diffId', '=', filter.diffId)
  if (filter.projectIds) query = query.where('projectId', 'in', [...filter.projectIds])
  const found = await query.orderBy('xid').orderBy('id').limit(limit).execute()
  if (found.length === 0) await requireKept(em, after)
  return found
}

/** Whether an event is one that a reader wants. */
export const matches = (event: EventRow, filter: EventFilter): boolean =>
  (filter.projectIds === null || filter.projectIds.includes(event.projectId)) &&
  (filter.sprintId === undefined || event.sprintId === filter.sprintId) &&
  (filter.sessionId === undefined || event.sessionId === filter.sessionId) &&
  (filter.diffId === undefined || event.diffId === filter.diffId)
