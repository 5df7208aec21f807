import type { HeldLease } from '../lease/lease.ts'
import { noResult } from '../run/candidate-failure.ts'
import { keepCheckpoint } from '../run/checkpoint.ts'
import { decideRun, storeDecision } from '../run/decide-run.ts'
import { measureCandidates } from '../run/measure-candidates.ts'
import { isEnded } from '../run/run.status.ts'
import { storeEvaluation } from '../safety/evaluate-trees.ts'
import type { Services } from '../shared/services.ts'
import { changePhaseStatus } from './change-sprint-status.ts'
import { failPhase } from './fail-phase.ts'
import { addPhase } from './open-phase.ts'
import { Phase, type PhaseRow } from './phase.entity.ts'
import { Sprint } from './sprint.entity.ts'
import { type PhaseRun, type SprintState, sprintSite } from './sprint-state.ts'

/**
 * Once every coder has ended, the project's tests run on each result; once those have ended, one is chosen, and
 * Verification follows.
 * @returns false while coders or tests are at work
 */
export const finishCoding = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
  { run, candidates }: PhaseRun,
): Promise<boolean> => {
  if (!candidates.every((candidate) => isEnded(candidate.status))) return false
  const { project, sprint } = state
  const [first, ...others] = candidates.filter((candidate) => candidate.status === 'COMPLETED')
  if (!first) {
    await failPhase(lease, state, phase, noResult(candidates))
    return true
  }
  const measured = await measureCandidates(services, lease, {
    subject: { projectId: project.id, sprintId: sprint.id },
    phaseId: phase.id,
    completed: [first, ...others],
    baseTree: await services.git.treeOf(project.id, sprint.baseCommit ?? ''),
    showOutput: false,
  })
  if (measured.state === 'waiting') return false
  if (measured.state === 'broken') {
    await failPhase(lease, state, phase, measured.failure)
    return true
  }
  const { contenders, changes } = measured
  const outcome = await decideRun(services, lease, sprintSite(state, run.id), run, state.spec.task, contenders)
  const { candidate } = outcome.selected
  const checkpointId = await keepCheckpoint(services, project.id, candidate.tree ?? '')
  await lease.transact(async (tx) => {
    for (const change of changes) await storeEvaluation(tx, project.id, change)
    const row = await tx.em.findOneOrFail(Sprint, { id: sprint.id })
    await storeDecision(tx, run, outcome, checkpointId)
    row.workingTree = candidate.tree
    const summary = `${candidate.label} selected (${outcome.method}). ${outcome.rationale}`
    changePhaseStatus(tx, project.id, await tx.em.findOneOrFail(Phase, { id: phase.id }), 'SUCCEEDED', summary)
    addPhase(tx, row, 'VERIFICATION', phase.attempt)
  })
  return true
}
