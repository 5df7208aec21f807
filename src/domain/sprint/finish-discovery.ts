import type { HeldLease } from '../lease/lease.ts'
import { decideRun, storeDecision } from '../run/decide-run.ts'
import { isEnded } from '../run/run.status.ts'
import { planPath } from '../run/run-candidate.ts'
import { cut, safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { changePhaseStatus, changeSprintStatus } from './change-sprint-status.ts'
import { failPhase, noResult } from './fail-phase.ts'
import { addPhase } from './open-phase.ts'
import { Phase, type PhaseRow } from './phase.entity.ts'
import { Sprint } from './sprint.entity.ts'
import { type PhaseRun, type SprintState, sprintSite } from './sprint-state.ts'

const maxPlanCharacters = 200_000

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
  const plans = await Promise.all(
    candidates
      .filter((candidate) => candidate.status === 'COMPLETED')
      .map(async (candidate) => {
        const file = candidate.tree ? await services.git.readFile(state.project.id, candidate.tree, planPath) : null
        return {
          candidate,
          evidence: null,
          text: cut(safeText(file?.content.toString('utf8') ?? ''), maxPlanCharacters),
        }
      }),
  )
  const [first, ...others] = plans
  if (!first) {
    await failPhase(lease, state, phase, noResult(candidates))
    return true
  }
  const outcome = await decideRun(services, lease, sprintSite(state, run.id), run, state.spec.task, [first, ...others])
  await lease.transact(async (tx) => {
    const sprint = await tx.em.findOneOrFail(Sprint, { id: state.sprint.id })
    await storeDecision(tx, run, outcome)
    sprint.plan = outcome.selected.text
    const summary = `${outcome.selected.candidate.label}'s plan (${outcome.method}). ${outcome.rationale}`
    changePhaseStatus(tx, sprint.projectId, await tx.em.findOneOrFail(Phase, { id: phase.id }), 'SUCCEEDED', summary)
    addPhase(tx, sprint, 'CODING', 1)
    if (sprint.requirePlanApproval) changeSprintStatus(tx, sprint, 'AWAITING_PLAN_APPROVAL')
  })
  return true
}
