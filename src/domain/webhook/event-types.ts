import type { EventBody } from '../event/event.ts'

const known: Readonly<Record<EventBody['type'], true>> = {
  InterviewChanged: true,
  SprintChanged: true,
  PhaseChanged: true,
  RunChanged: true,
  CheckpointReached: true,
  ToolCalled: true,
  TokensUsed: true,
  MessageAdded: true,
  SessionChanged: true,
  DiffChanged: true,
  TestRunChanged: true,
}

/** Every type of event there is. */
export const eventTypes = Object.keys(known) as readonly EventBody['type'][]
