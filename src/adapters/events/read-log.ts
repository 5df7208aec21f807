import type { EntityManager } from '@mikro-orm/postgresql'
import type { EventRow } from '../../domain/event/event.entity.ts'
import type { EventBody } from '../../domain/event/event.ts'
import type { EventCursor } from '../../domain/event/event-cursor.ts'
import type { EventFilter } from '../../domain/event/read-events.ts'

/** An event as the database puts it into JSON. */
type Packed = readonly [
  xid: string,
  id: string,
  at: number,
  projectId: string,
  specId: string | null,
  sprintId: string | null,
  sessionId: string | null,
  diffId: string | null,
  body: EventBody,
]

interface Statement {
  readonly name: string
  readonly text: string
}

/** How many events are read at once. */
export const pageSize = 500

// Values 1 and 2 are a cursor; which events is said from 3 on.
const pageOf = (conditions: readonly string[]): string => `coalesce((
  select json_agg(packed order by xid, id) from (
    select xid, id, json_build_array(xid::text, id::text, extract(epoch from at) * 1000,
      project_id, spec_id, sprint_id, session_id, diff_id, body) as packed
    from event
    where (xid, id) > ($1::text::xid8, $2::bigint)
      and xid < pg_snapshot_xmin(pg_current_snapshot())
      and ($1::text::xid8, $2::bigint) >= (select xid, event_id from event_horizon)
      ${conditions.map((condition) => `and ${condition}`).join(' ')}
    order by xid, id limit ${pageSize}
  ) as page
), '[]')::text`

const subjects = { sprintId: 'sprint_id', sessionId: 'session_id', diffId: 'diff_id' } as const

/** One of few, whatever the filter: the database keeps how it does each. */
const statementOf = (filter: EventFilter): readonly [Statement, readonly unknown[]] => {
  const values: unknown[] = []
  const conditions: string[] = []
  const add = (value: unknown, condition: (parameter: string) => string) => {
    values.push(value)
    conditions.push(condition(`$${2 + values.length}`))
  }
  const names = Object.keys(subjects) as (keyof typeof subjects)[]
  const subject = names.find((name) => filter[name] !== undefined)
  if (subject) add(filter[subject], (id) => `${subjects[subject]} = ${id}::uuid`)
  const { projectIds } = filter
  if (projectIds?.length === 1) add(projectIds[0], (id) => `project_id = ${id}::uuid`)
  else if (projectIds) add(projectIds, (ids) => `project_id = any(${ids}::uuid[])`)
  const projects = projectIds === null ? 'all' : projectIds.length === 1 ? 'one' : 'some'
  return [{ name: `events of ${subject ?? 'any'} ${projects}`, text: `select ${pageOf(conditions)}` }, values]
}

const live: Statement = {
  name: 'events live',
  text: `select ${pageOf([])}, exists (select from event where xid >= pg_snapshot_xmin(pg_current_snapshot()))`,
}

const eventOf = ([xid, id, at, projectId, specId, sprintId, sessionId, diffId, body]: Packed): EventRow => ({
  id,
  xid,
  at: new Date(at),
  projectId,
  specId,
  sprintId,
  sessionId,
  diffId,
  body,
})

const run = async (em: EntityManager, statement: Statement, cursor: EventCursor, values: readonly unknown[] = []) => {
  const pool = await em.getConnection().getNativeClient()
  const { rows } = await pool.query<[page: string, areMoreHidden: boolean]>({
    ...statement,
    values: [cursor.xid, cursor.id, ...values],
    rowMode: 'array',
  })
  const [page, areMoreHidden] = rows[0] ?? ['[]', false]
  return { events: (JSON.parse(page) as Packed[]).map(eventOf), areMoreHidden }
}

/**
 * As `readEvents` reads them, for many who read much: as one piece that is taken apart at once, by statements that the
 * database has prepared. It does not look whether events after the cursor are gone; then it finds none.
 * @returns at most `pageSize`
 */
export const readLog = async (
  em: EntityManager,
  after: EventCursor,
  filter: EventFilter,
): Promise<readonly EventRow[]> => {
  if (filter.projectIds?.length === 0) return []
  const [statement, values] = statementOf(filter)
  return (await run(em, statement, after, values)).events
}

/** Those of all projects, and whether there are some that nobody can read yet: an older transaction is under way. */
export const readLive = (
  em: EntityManager,
  after: EventCursor,
): Promise<{ readonly events: readonly EventRow[]; readonly areMoreHidden: boolean }> => run(em, live, after)
