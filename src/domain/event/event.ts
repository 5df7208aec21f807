import type { DiffStatus } from '../diff/diff.status.ts'
import type { Provider } from '../ports/model-provider.ts'
import type { RunStatus } from '../run/run.status.ts'
import type { InterviewStatus } from '../spec/spec.status.ts'
import type { StepStatus } from '../sprint/phase.status.ts'
import type { SprintStatus } from '../sprint/sprint.status.ts'
import type { TestRunStatus } from '../testing/test-run.status.ts'

/** What an event says, with the state as it was then; the objects are looked up when it is read. */
export type EventBody =
  | { readonly type: 'InterviewChanged'; readonly specId: string; readonly status: InterviewStatus }
  | { readonly type: 'SprintChanged'; readonly sprintId: string; readonly status: SprintStatus }
  | { readonly type: 'PhaseChanged'; readonly sprintId: string; readonly phaseId: string; readonly status: StepStatus }
  | { readonly type: 'RunChanged'; readonly runId: string; readonly status: RunStatus }
  | { readonly type: 'CheckpointReached'; readonly runId: string; readonly label: string; readonly sequence: number }
  | {
      readonly type: 'ToolCalled'
      readonly candidateId: string
      readonly tool: string
      readonly isError: boolean
    }
  | {
      readonly type: 'TokensUsed'
      readonly agent: string
      readonly iteration: number
      readonly provider: Provider
      readonly model: string
      readonly inputTokens: number
      readonly outputTokens: number
      readonly costUsd: number | null
      readonly rehearsal: boolean
    }
  | { readonly type: 'MessageAdded'; readonly messageId: string }
  | { readonly type: 'SessionChanged'; readonly sessionId: string; readonly busy: boolean }
  | { readonly type: 'DiffChanged'; readonly diffId: string; readonly status: DiffStatus }
  | {
      readonly type: 'TestRunChanged'
      readonly testRunId: string
      readonly status: TestRunStatus
      readonly finished: number
      readonly total: number
    }

/** The event's place: who may see it and which subscriptions carry it. */
export interface EventSubject {
  readonly projectId: string
  readonly specId?: string | null
  readonly sprintId?: string | null
  readonly sessionId?: string | null
  readonly diffId?: string | null
}
