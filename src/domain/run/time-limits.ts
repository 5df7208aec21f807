import type { CandidateRow } from './candidate.entity.ts'
import { isEnded } from './run.status.ts'

/** How long the candidates of a run outside a sprint may work, in seconds. */
export const runSeconds = 1_800

/** How long tests and the decision may take after the last candidate has ended, in seconds, if the limit is up by then. */
export const decisionSeconds = 900

/** What is said of a candidate that is still at work when the time of a run outside a sprint is up. */
export const candidateOverdue = `The candidate did not end within the run's limit of ${runSeconds} seconds.`

/** What is said of a run or phase whose candidates have ended, and whose result is still not chosen. */
export const decisionOverdue = `The tests of the results and the decision did not end within ${decisionSeconds} seconds.`

/**
 * What is late once a limit of time is up. Candidates come first: what others have made until then is still tested and
 * decided on, for which there is time of its own.
 */
export const whatIsLate = (
  deadlineAt: Date | null | undefined,
  candidates: readonly Pick<CandidateRow, 'status' | 'finishedAt'>[],
  now: Date,
): 'candidates' | 'decision' | null => {
  if (!deadlineAt || deadlineAt > now) return null
  if (candidates.some(({ status }) => !isEnded(status))) return 'candidates'
  const lastEnd = Math.max(0, ...candidates.map(({ finishedAt }) => finishedAt?.getTime() ?? 0))
  return lastEnd + decisionSeconds * 1_000 <= now.getTime() ? 'decision' : null
}
