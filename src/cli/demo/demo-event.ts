import type { Diff, Interview, Sprint } from './operations.ts'
import type { ProjectEvent } from './project-events.ts'
import type { Session } from './session-operations.ts'
import type { Agent } from './shapes.ts'

/** Of the event log: when, and where to resume. */
type Logged = {
  readonly at: string
  readonly cursor: string
}

/** What the demo tells, in the order in which it happens; with `--json` each is a line as it stands. */
export type DemoEvent =
  | {
      readonly type: 'server'
      readonly url: string
      /** The providers that the built-in rehearsal plays; it is no model. */
      readonly rehearsal: readonly string[]
      readonly notices: readonly string[]
    }
  | { readonly type: 'project'; readonly projectId: string; readonly name: string; readonly status: string }
  | ({ readonly type: 'interview'; readonly specId: string; readonly status: string } & Logged)
  | { readonly type: 'questions'; readonly specId: string; readonly interview: Interview }
  | { readonly type: 'answers'; readonly specId: string; readonly answers: readonly Answer[] }
  | ({
      readonly type: 'sprint'
      readonly sprintId: string
      readonly status: string
      readonly failure: string | null
    } & Logged)
  | ({
      readonly type: 'phase'
      readonly phaseId: string
      readonly kind: string
      readonly attempt: number
      readonly status: string
      readonly summary: string | null
    } & Logged)
  | ({
      readonly type: 'checkpoint'
      readonly runId: string
      readonly label: string
      readonly sequence: number
    } & Logged)
  | ({ readonly type: 'tool'; readonly agent: Agent | null; readonly tool: string; readonly isError: boolean } & Logged)
  | ({
      readonly type: 'tokens'
      readonly agent: string
      readonly provider: string
      readonly model: string
      readonly rehearsal: boolean
      readonly inputTokens: number
      readonly outputTokens: number
      readonly costUsd: number | null
    } & Logged)
  | ({
      readonly type: 'tests'
      readonly testRunId: string
      /** The candidate whose work is tested; null for a phase's or a diff's own tests. */
      readonly candidate: Agent | null
      readonly diffId: string | null
      /** Whose coder submitted what is tested. */
      readonly sessionId: string | null
      readonly status: string
      readonly finished: number
      readonly total: number
      readonly passed: number
      readonly sandbox: string
    } & Logged)
  | ({ readonly type: 'session'; readonly sessionId: string; readonly busy: boolean } & Logged)
  | ({
      readonly type: 'message'
      readonly messageId: string
      readonly role: string
      readonly iteration: number
      readonly text: string
      readonly failure: string | null
      readonly toolCalls: readonly ToolUse[]
    } & Logged)
  | {
      readonly type: 'text'
      readonly messageId: string
      readonly agent: string
      readonly iteration: number
      readonly offset: number
      readonly text: string
    }
  | ({ readonly type: 'diff'; readonly diffId: string; readonly status: string } & Logged)
  | { readonly type: 'reconnecting'; readonly reason: string }
  | {
      readonly type: 'result'
      readonly projectId: string
      readonly sprintId: string
      readonly diffId: string
      readonly sprint: Sprint
      readonly diff: Diff
    }
  | {
      readonly type: 'session-result'
      readonly projectId: string
      readonly sessionId: string
      readonly diffId: string
      readonly session: Session
      readonly diff: Diff
    }
  | {
      readonly type: 'approval-required'
      readonly projectId: string
      readonly diffId: string
      readonly contentHash: string
      readonly evaluationHash: string
    }
  | {
      readonly type: 'countersigned'
      readonly diffId: string
      readonly contentHash: string
      readonly evaluationHash: string
      readonly by: 'prompt' | '--yes'
    }
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'committed'; readonly oid: string; readonly projectId: string; readonly diffId: string }

export interface ToolUse {
  readonly name: string
  readonly isError: boolean
  readonly result: string
}

export interface Answer {
  readonly key: string
  readonly answer: string
}

/** The demo's word for an event of the project's log; null for one that it does not tell. */
export const toDemoEvent = (event: ProjectEvent): DemoEvent | null => {
  const logged = { at: event.at, cursor: event.cursor }
  switch (event.__typename) {
    case 'InterviewChanged':
      return { type: 'interview', specId: event.spec.id, status: event.interviewStatus, ...logged }
    case 'SprintChanged':
      return {
        type: 'sprint',
        sprintId: event.sprint.id,
        status: event.sprintStatus,
        failure: event.sprint.failure,
        ...logged,
      }
    case 'PhaseChanged': {
      const { id, kind, attempt, summary } = event.phase
      return { type: 'phase', phaseId: id, kind, attempt, status: event.phaseStatus, summary, ...logged }
    }
    case 'CheckpointReached':
      return { type: 'checkpoint', runId: event.run.id, label: event.label, sequence: event.sequence, ...logged }
    case 'ToolCalled':
      return { type: 'tool', agent: event.candidate, tool: event.tool, isError: event.isError, ...logged }
    case 'TokensUsed': {
      const { agent, provider, model, rehearsal, inputTokens, outputTokens, costUsd } = event
      return { type: 'tokens', agent, provider, model, rehearsal, inputTokens, outputTokens, costUsd, ...logged }
    }
    case 'DiffChanged':
      return { type: 'diff', diffId: event.diff.id, status: event.diffStatus, ...logged }
    case 'SessionChanged':
      return { type: 'session', sessionId: event.session.id, busy: event.busy, ...logged }
    case 'MessageAdded': {
      const { id, ...said } = event.message
      return { type: 'message', messageId: id, ...said, ...logged }
    }
    case 'TestRunChanged': {
      const { id, passed, sandbox, diff, session, candidate } = event.testRun
      return {
        type: 'tests',
        testRunId: id,
        candidate,
        diffId: diff?.id ?? null,
        sessionId: session?.id ?? null,
        status: event.testRunStatus,
        finished: event.finished,
        total: event.total,
        passed,
        sandbox,
        ...logged,
      }
    }
    case 'Other':
      return null
  }
}
