import { sql } from 'kysely'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'

/**
 * What somebody asked for and what has not ended: one row a piece, with its project. What waits for a person is no work,
 * and a candidate or test of something larger is a part of it. Each part is read from an index of its own.
 */
const openWork = sql`
  select id as project_id from project where status = 'CREATING'
  union all select project_id from spec where interview_status in ('QUEUED', 'RUNNING')
  union all select project_id from sprint where status = 'ACTIVE'
  union all select project_id from agent_run where purpose = 'RUN' and status = 'RUNNING'
  union all select session.project_id from session_turn join session on session.id = session_turn.session_id
    where session_turn.status in ('WAITING', 'RUNNING')
  union all select project_id from test_run
    where status in ('QUEUED', 'RUNNING') and candidate_id is null and phase_id is null and session_id is null`

export interface OpenWork {
  readonly ofProject: number
  readonly ofAll: number
}

/** How many pieces of work have not ended. @param projectId null counts none of a project */
export const countOpenWork = async (em: Transaction['em'], projectId: string | null): Promise<OpenWork> => {
  const { rows: found } = await sql<OpenWork>`
    select count(*) filter (where project_id = ${projectId}::uuid)::int as "ofProject", count(*)::int as "ofAll"
    from (${openWork}) as piece`.execute(rows(em))
  return found[0] ?? { ofProject: 0, ofAll: 0 }
}

const lately = { events: 1_000, seconds: 600 }

/**
 * In about how many seconds so many pieces of work will have ended, if they go on ending as they did lately.
 * @param projectId only those of this project; null for all
 * @returns null when none has ended lately, so that nobody can say
 */
export const secondsUntilEnded = async (
  em: Transaction['em'],
  projectId: string | null,
  pieces: number,
): Promise<number | null> => {
  const { rows: found } = await sql<{ ended: number; seconds: number | null }>`
    select count(*) filter (where case body ->> 'type'
        when 'InterviewChanged' then body ->> 'status' in ('NEEDS_ANSWERS', 'FAILED')
          and exists (select 1 from spec where id = spec_id and interview_mode <> 'STUB')
        when 'SprintChanged' then body ->> 'status' in ('COMPLETED', 'FAILED', 'CANCELED')
        when 'RunChanged' then body ->> 'status' <> 'RUNNING' and sprint_id is null
        when 'TestRunChanged' then body ->> 'status' not in ('QUEUED', 'RUNNING') and sprint_id is null and session_id is null
        when 'SessionChanged' then body ->> 'busy' = 'false'
          and exists (select 1 from session_turn where session_turn.session_id = recent.session_id and finished_at <= at)
      end)::int as ended, extract(epoch from now() - min(at))::float as seconds
    from (
      select at, body, spec_id, sprint_id, session_id from event
      where ${projectId === null ? sql`true` : sql`project_id = ${projectId}`}
      order by xid desc, id desc limit ${lately.events}
    ) as recent
    where at > now() - ${`${lately.seconds} seconds`}::interval`.execute(rows(em))
  const { ended = 0, seconds = null } = found[0] ?? {}
  if (ended === 0 || seconds === null) return null
  return Math.min(lately.seconds, Math.max(1, Math.ceil((seconds * pieces) / ended)))
}
