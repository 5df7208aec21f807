import type { EarlierConversation } from './ancestors.ts'

/** On whose behalf a call is made, and where in its conversation it stands. */
export interface CallSite {
  readonly projectId: string
  readonly specId?: string | null
  readonly sprintId: string | null
  readonly runId: string | null
  readonly sessionId?: string | null
  readonly candidateId: string | null
  readonly requestedById: string
  /** Who asks, as the usage report names it: coder, judge, ... */
  readonly agent: string
  /** Names the conversation; with the sequence, the place of this call for ever. */
  readonly scope: string
  readonly iteration: number
  /** From the widest to the narrowest: the first without room is the one that is named. */
  readonly budgetIds: readonly string[]
  /** Conversations that this one continues, the nearest first: what they have in the same place is played back. */
  readonly replays?: readonly EarlierConversation[]
  /** Called with each piece of visible text as it is written; with the whole text of an answer that is played back. */
  readonly onText?: (text: string) => void
  /** Of the test that makes the calls; others carry the id of the trace that records them. */
  readonly traceId?: string
}
