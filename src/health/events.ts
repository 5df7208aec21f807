import { sql } from 'kysely'
import type { EventFeed } from '../domain/ports/event-feed.ts'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import { type Finding, faulty, well } from './component.ts'

/** An event reaches those who follow within a second of its commit. In seconds. */
const lateSeconds = 30

interface Next {
  readonly seconds: number
  /** Whether an older transaction of the database server, in whatever database, has yet to end. */
  readonly isHeld: boolean
  /** Who has the oldest one open, where this user may see it. */
  readonly pid: number | null
  readonly state: string | null
}

/** Whether this process passes events on to those who follow them, or somebody's open transaction keeps it from that. */
export const lookAtEvents = async (
  { em }: Pick<Services, 'em'>,
  feed: Pick<EventFeed, 'position'>,
): Promise<Finding> => {
  const { xid, id } = feed.position()
  const { rows: found } = await sql<Next>`
    select extract(epoch from now() - next.at)::float8 as seconds, next.held as "isHeld", holder.pid, holder.state from (
      select at, xid >= pg_snapshot_xmin(pg_current_snapshot()) as held from event
      where (xid, id) > (${xid}::text::xid8, ${id}::bigint) order by xid, id limit 1
    ) as next left join lateral (
      select pid, state from pg_stat_activity
      where backend_xid is not null and pid <> pg_backend_pid() order by age(backend_xid) desc limit 1
    ) as holder on true`.execute(rows(em()))
  const next = found[0]
  if (!next || next.seconds <= lateSeconds) return well()
  const since = `${Math.round(next.seconds)} seconds`
  if (!next.isHeld) return faulty(`This process has not passed on events for ${since}.`)
  const holder =
    next.pid === null
      ? 'a session that is not shown to this user, or a prepared one'
      : `process ${next.pid} (${next.state ?? 'state not shown'})`
  return faulty(
    `Events have been held back for ${since} by a transaction that is open on the database server, of ${holder}.`,
  )
}
