import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import type { Viewer } from '../actor/viewer.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import { InvalidTransitionError } from '../errors.ts'
import { findReadyProject } from '../project/find-project.ts'
import { AgentRun } from '../run/agent-run.entity.ts'
import { chooseSubagents } from '../run/open-run.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { changePhaseStatus, changeSprintStatus } from './change-sprint-status.ts'
import { findSprint } from './find-sprint.ts'
import { addPhase } from './open-phase.ts'
import { Phase } from './phase.entity.ts'
import { requireValidated } from './require-validated.ts'

/** Whether the phase ended with a verifier's word; another verdict on the same tree would say the same. */
const hasVerdict = async (tx: Transaction, phase: { readonly id: string; readonly kind: string }): Promise<boolean> => {
  if (phase.kind !== 'VERIFICATION') return false
  const run = await tx.em.findOne(AgentRun, { phaseId: phase.id }, { orderBy: { createdAt: 'desc' } })
  return run?.status === 'COMPLETED'
}

/**
 * Takes up a sprint that FAILED or was CANCELED: the phase that did not succeed begins again from where the last one
 * that did left the workspace, and plays back what its candidates bought before. After a verification that failed in
 * all attempts there is one attempt more. The deadline counts from now.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, CapacityError
 */
export const retrySprint = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    const sprint = await findSprint(tx, viewer, id, 'AUTHOR')
    if (sprint.status !== 'FAILED' && sprint.status !== 'CANCELED') {
      throw new InvalidTransitionError(
        'sprint',
        sprint.status,
        'ACTIVE',
        'Only one that failed or was canceled is retried.',
      )
    }
    await findReadyProject(tx, viewer, sprint.projectId, 'AUTHOR')
    await requireValidated(tx, sprint.specId)
    chooseSubagents(services, sprint.subagents ?? null)
    await requireCapacity(services, tx, sprint.projectId)
    changeSprintStatus(tx, sprint, 'ACTIVE')
    sprint.failure = null
    sprint.finishedAt = null
    sprint.startedAt ??= tx.now
    sprint.deadlineAt = new Date(tx.now.getTime() + sprint.deadlineSeconds * 1_000)
    const phase = await tx.em.findOne(
      Phase,
      { sprintId: id, iteration: sprint.iteration },
      { orderBy: { createdAt: 'desc' } },
    )
    if (phase && (await hasVerdict(tx, phase))) {
      sprint.maxAttempts = Math.max(sprint.maxAttempts, phase.attempt + 1)
      addPhase(tx, sprint, 'CODING', phase.attempt + 1)
    } else if (phase && (phase.status === 'FAILED' || phase.status === 'CANCELED')) {
      changePhaseStatus(tx, sprint.projectId, phase, 'PENDING')
      phase.summary = null
    }
    const awaitsApproval = sprint.requirePlanApproval && sprint.plan != null && sprint.planApprovedAt == null
    if (awaitsApproval) changeSprintStatus(tx, sprint, 'AWAITING_PLAN_APPROVAL')
    else tx.enqueue(advanceSprintJob, { sprintId: id })
    return id
  })
