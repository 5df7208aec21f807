import type { HeldLease } from '../lease/lease.ts'
import { noResult } from '../run/candidate-failure.ts'
import { keepCheckpoint } from '../run/checkpoint.ts'
import { decideRun, storeDecision } from '../run/decide-run.ts'
import { planContenders } from '../run/plan-contenders.ts'
import { isEnded } from '../run/run.status.ts'
import type { Services } from '../shared/services.ts'
import { changePhaseStatus, changeSprintStatus } from './change-sprint-status.ts'
import { failPhase } from './fail-phase.ts'
import { addPhase } from './open-phase.ts'
import { Phase, type PhaseRow } from './phase.entity.ts'
import { Sprint } from './sprint.entity.ts'
import { type PhaseRun, type SprintState, sprintSite } from './sprint-state.ts'

/**
 * Once every planner has ended: one plan is chosen, and Coding follows, or a person is asked.
 * @returns false while planners are at work
 */
export const finishDiscovery = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
  { run, candidates }: PhaseRun,
): Promise<boolean> => {
  if (!candidates.every((candidate) => isEnded(candidate.status))) return false
  const [first, ...others] = candidates.filter((candidate) => candidate.status === 'COMPLETED')
  if (!first) {
    await failPhase(lease, state, phase, noResult(candidates))
    return true
  }
  const plans = await planContenders(services, state.project.id, [first, ...others])
  const outcome = await decideRun(services, lease, sprintSite(state, run.id), run, state.spec.task, plans)
  const { candidate, text } = outcome.selected
  const checkpointId = await keepCheckpoint(services, state.project.id, candidate.tree ?? '')
  await lease.transact(async (tx) => {
    const sprint = await tx.em.findOneOrFail(Sprint, { id: state.sprint.id })
    await storeDecision(tx, run, outcome, checkpointId)
    sprint.plan = text
    const summary = `${candidate.label}'s plan (${outcome.method}). ${outcome.rationale}`
    changePhaseStatus(tx, sprint.projectId, await tx.em.findOneOrFail(Phase, { id: phase.id }), 'SUCCEEDED', summary)
    addPhase(tx, sprint, 'CODING', 1)
    if (sprint.requirePlanApproval) changeSprintStatus(tx, sprint, 'AWAITING_PLAN_APPROVAL')
  })
  return true
}
