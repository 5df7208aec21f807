import type { EventBody, EventSubject } from './event.ts'

/** An event that a transaction tells of, by the names of the log's columns. */
export interface ToldEvent {
  readonly project_id: string
  readonly spec_id: string | null | undefined
  readonly sprint_id: string | null | undefined
  readonly session_id: string | null | undefined
  readonly diff_id: string | null | undefined
  readonly body: EventBody
}

/** What is told now, whatever becomes of the subject. */
export const toldEvent = (
  { projectId, specId, sprintId, sessionId, diffId }: EventSubject,
  body: EventBody,
): ToldEvent => ({
  project_id: projectId,
  spec_id: specId,
  sprint_id: sprintId,
  session_id: sessionId,
  diff_id: diffId,
  body,
})

/** Writes events in the order in which they were told. Takes when that was as $1, and the events as JSON as $2. */
export const insertEvents = `insert into event (at, project_id, spec_id, sprint_id, session_id, diff_id, body)
  select $1::timestamptz, told.* from jsonb_to_recordset($2::jsonb) as told
    (project_id uuid, spec_id uuid, sprint_id uuid, session_id uuid, diff_id uuid, body jsonb)`
