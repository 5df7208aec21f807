import type { CandidateRow } from '../run/candidate.entity.ts'
import { decisionOverdue, whatIsLate } from '../run/time-limits.ts'
import type { PhaseKind } from './phase.status.ts'
import { phaseOverdue } from './phase-limits.ts'

/** What has to end since its time is up, and what is said of it. */
interface Overdue {
  readonly ends: 'candidates' | 'sprint'
  readonly failure: string
}

/** What is late in a sprint, its running phase and that one's candidates; null while there is time left. */
export const overdue = (
  sprint: { readonly deadlineAt?: Date | null; readonly deadlineSeconds: number },
  phase: { readonly kind: PhaseKind; readonly deadlineAt?: Date | null } | undefined,
  candidates: readonly Pick<CandidateRow, 'status' | 'finishedAt'>[],
  now: Date,
): Overdue | null => {
  if (sprint.deadlineAt && sprint.deadlineAt <= now) {
    return {
      ends: 'sprint',
      failure: `The sprint did not end within its deadline of ${sprint.deadlineSeconds} seconds.`,
    }
  }
  if (!phase?.deadlineAt || phase.deadlineAt > now) return null
  if (phase.kind === 'VERIFICATION') return { ends: 'sprint', failure: phaseOverdue(phase.kind) }
  const late = whatIsLate(phase.deadlineAt, candidates, now)
  if (late === null) return null
  return late === 'candidates'
    ? { ends: 'candidates', failure: phaseOverdue(phase.kind) }
    : { ends: 'sprint', failure: `${phase.kind}: ${decisionOverdue}` }
}
