import type { DemoEvent } from './demo-event.ts'
import type { Agent } from './shapes.ts'

export interface PhaseProgress {
  readonly id: string
  readonly kind: string
  readonly attempt: number
  readonly status: string
  readonly summary: string | null
  readonly workers: readonly Worker[]
  /** Test runs of the phase itself, not of a candidate. */
  readonly tests: readonly TestProgress[]
}

/** A candidate at work in a phase. */
export interface Worker {
  readonly agent: Agent
  readonly toolCalls: number
  readonly errors: number
  readonly lastTool: string | null
  readonly tests: TestProgress | null
}

export interface TestProgress {
  readonly id: string
  readonly status: string
  readonly finished: number
  readonly total: number
  readonly passed: number
}

export interface Speech {
  readonly messageId: string
  readonly agent: string
  readonly iteration: number
  readonly text: string
}

/** All that the live view shows, as far as the events told it. */
export interface Progress {
  readonly interview: string | null
  readonly phases: readonly PhaseProgress[]
  readonly diffTests: TestProgress | null
  /** What an agent of a session is writing. */
  readonly speech: Speech | null
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly costUsd: number
  readonly unpricedCalls: number
  readonly rehearsedCalls: number
}

export const noProgress: Progress = {
  interview: null,
  phases: [],
  diffTests: null,
  speech: null,
  calls: 0,
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
  unpricedCalls: 0,
  rehearsedCalls: 0,
}

/** The progress after an event. */
export const advance = (progress: Progress, event: DemoEvent): Progress => {
  switch (event.type) {
    case 'interview':
      return { ...progress, interview: event.status }
    case 'phase':
      return { ...progress, phases: withPhase(progress.phases, event) }
    case 'tool': {
      const { agent } = event
      if (agent === null) return progress
      return changeLastPhase(progress, (phase) => ({
        ...phase,
        workers: changeWorker(phase.workers, agent, (worker) => ({
          ...worker,
          toolCalls: worker.toolCalls + 1,
          errors: worker.errors + (event.isError ? 1 : 0),
          lastTool: event.tool,
        })),
      }))
    }
    case 'tokens':
      return {
        ...progress,
        calls: progress.calls + 1,
        inputTokens: progress.inputTokens + event.inputTokens,
        outputTokens: progress.outputTokens + event.outputTokens,
        costUsd: progress.costUsd + (event.costUsd ?? 0),
        unpricedCalls: progress.unpricedCalls + (event.costUsd === null ? 1 : 0),
        rehearsedCalls: progress.rehearsedCalls + (event.rehearsal ? 1 : 0),
      }
    case 'text': {
      const { messageId, agent, iteration, offset, text } = event
      const before = progress.speech?.messageId === messageId ? progress.speech.text.slice(0, offset) : ''
      return { ...progress, speech: { messageId, agent, iteration, text: before + text } }
    }
    case 'message':
      return { ...progress, speech: null }
    case 'tests':
      return withTests(progress, event)
    default:
      return progress
  }
}

type TestsEvent = Extract<DemoEvent, { type: 'tests' }>
type PhaseEvent = Extract<DemoEvent, { type: 'phase' }>

const withPhase = (phases: readonly PhaseProgress[], event: PhaseEvent): readonly PhaseProgress[] => {
  const { phaseId: id, kind, attempt, status, summary } = event
  if (!phases.some((phase) => phase.id === id)) {
    return [...phases, { id, kind, attempt, status, summary, workers: [], tests: [] }]
  }
  return phases.map((phase) => (phase.id === id ? { ...phase, status, summary } : phase))
}

const withTests = (progress: Progress, event: TestsEvent): Progress => {
  const tests: TestProgress = {
    id: event.testRunId,
    status: event.status,
    finished: event.finished,
    total: event.total,
    passed: event.passed,
  }
  const { candidate } = event
  // A session's tests run outside of any phase, and before there is a diff.
  if (event.diffId !== null || event.sessionId !== null) return { ...progress, diffTests: tests }
  return changeLastPhase(progress, (phase) =>
    candidate
      ? { ...phase, workers: changeWorker(phase.workers, candidate, (worker) => ({ ...worker, tests })) }
      : { ...phase, tests: [...phase.tests.filter(({ id }) => id !== tests.id), tests] },
  )
}

// Tool calls and test runs do not name their phase; phases of a sprint follow one another.
const changeLastPhase = (progress: Progress, change: (phase: PhaseProgress) => PhaseProgress): Progress => ({
  ...progress,
  phases: progress.phases.map((phase, index) => (index === progress.phases.length - 1 ? change(phase) : phase)),
})

const changeWorker = (
  workers: readonly Worker[],
  agent: Agent,
  change: (worker: Worker) => Worker,
): readonly Worker[] => {
  const known = workers.some((worker) => worker.agent.label === agent.label)
  const all = known ? workers : [...workers, { agent, toolCalls: 0, errors: 0, lastTool: null, tests: null }]
  return all
    .map((worker) => (worker.agent.label === agent.label ? change(worker) : worker))
    .toSorted((a, b) => a.agent.label.localeCompare(b.agent.label))
}
