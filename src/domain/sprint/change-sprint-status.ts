import type { Transaction } from '../shared/transact.ts'
import type { PhaseRow } from './phase.entity.ts'
import { isStepEnded, type StepStatus, toStepStatus } from './phase.status.ts'
import { phaseDeadline } from './phase-limits.ts'
import { type SprintStatus, toSprintStatus } from './sprint.status.ts'

/** Gives a sprint a new status, through the table, and says so. */
export const changeSprintStatus = (
  tx: Transaction,
  sprint: { id: string; projectId: string; status: SprintStatus },
  to: SprintStatus,
  hint?: string,
): void => {
  sprint.status = toSprintStatus(sprint.status, to, hint)
  tx.emit(
    { projectId: sprint.projectId, sprintId: sprint.id },
    { type: 'SprintChanged', sprintId: sprint.id, status: to },
  )
}

type ChangedByStatus = 'id' | 'sprintId' | 'kind' | 'status' | 'startedAt' | 'deadlineAt' | 'finishedAt' | 'summary'

/** The same for a phase, with its times. */
export const changePhaseStatus = (
  tx: Transaction,
  projectId: string,
  phase: { -readonly [Key in ChangedByStatus]: PhaseRow[Key] },
  to: StepStatus,
  summary?: string,
): void => {
  phase.status = toStepStatus(phase.status, to)
  if (to === 'RUNNING') {
    phase.startedAt = tx.now
    phase.deadlineAt = phaseDeadline(phase.kind, tx.now)
  }
  phase.finishedAt = isStepEnded(to) ? tx.now : null
  if (summary !== undefined) phase.summary = summary
  tx.emit(
    { projectId, sprintId: phase.sprintId },
    { type: 'PhaseChanged', sprintId: phase.sprintId, phaseId: phase.id, status: to },
  )
}
