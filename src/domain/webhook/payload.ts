import type { EventRow } from '../event/event.entity.ts'
import type { EventBody, EventSubject } from '../event/event.ts'
import { formatCursor } from '../event/event-cursor.ts'
import { globalId } from '../shared/global-id.ts'

type KeyOf<Body> = Body extends unknown ? keyof Body : never
type IdName = Extract<KeyOf<EventBody> | keyof EventSubject, `${string}Id`>

/** What the ids of events are the ids of. */
const objects: Readonly<Record<IdName, string>> = {
  candidateId: 'Candidate',
  diffId: 'Diff',
  messageId: 'Message',
  phaseId: 'Phase',
  projectId: 'Project',
  runId: 'AgentRun',
  sessionId: 'Session',
  specId: 'Spec',
  sprintId: 'Sprint',
  testRunId: 'TestRun',
}

// The longest that anybody may choose is shorter; a tool's name may be anything that a model made up.
const longestText = 200

/** A field as the API shows it; nothing where this version does not know what it is. */
const shown = ([name, value]: [string, unknown]): readonly [string, unknown][] => {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return [[name, value]]
  if (typeof value !== 'string') return []
  const type = (objects as Readonly<Record<string, string>>)[name]
  if (type !== undefined) return [[name, globalId(type, value)]]
  return name.endsWith('Id') ? [] : [[name, value.slice(0, longestText).toWellFormed()]]
}

/**
 * What a receiver is sent of an event, in the form of Standard Webhooks: its type, and ids with which the rest can be
 * asked for. `docs/WEBHOOKS.md` describes it.
 * @returns JSON, the same at every attempt
 */
export const webhookPayload = (event: EventRow): string => {
  const { type, ...body } = event.body
  const { projectId, specId, sprintId, sessionId, diffId } = event
  const subject = Object.entries({ projectId, specId, sprintId, sessionId, diffId }).filter(([, id]) => id !== null)
  const fields = Object.fromEntries([...subject, ...Object.entries(body)].flatMap(shown))
  const at = event.at.toISOString()
  return JSON.stringify({ type, timestamp: at, data: { cursor: formatCursor(event), at, ...fields } })
}
