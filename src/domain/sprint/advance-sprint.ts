import { DomainError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import type { Services } from '../shared/services.ts'
import { endOverdue } from './end-overdue.ts'
import { failPhase } from './fail-phase.ts'
import { finishCoding } from './finish-coding.ts'
import { finishDiscovery } from './finish-discovery.ts'
import { finishVerification } from './finish-verification.ts'
import { openAgentPhase, openSprint, openVerification } from './open-phase.ts'
import type { PhaseRow } from './phase.entity.ts'
import { loadPhaseRun, loadSprint, type SprintState } from './sprint-state.ts'

const finishPhase = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
): Promise<boolean> => {
  if (phase.kind === 'VERIFICATION') return finishVerification(services, lease, state, phase)
  const run = await loadPhaseRun(services, phase.id)
  if (!run) throw new Error(`The phase ${phase.id} runs without a run.`)
  if (phase.kind === 'DISCOVERY') return finishDiscovery(services, lease, state, phase, run)
  return finishCoding(services, lease, state, phase, run)
}

/** One step from where the rows say the sprint is. @returns false when there is nothing to do but wait */
const step = async (services: Services, lease: HeldLease, state: SprintState): Promise<boolean> => {
  const phase = state.phases.at(-1)
  if (!phase) {
    await openSprint(services, lease, state)
    return true
  }
  if (phase.status === 'RUNNING') return finishPhase(services, lease, state, phase)
  if (phase.status !== 'PENDING') return false
  if (phase.kind === 'VERIFICATION') await openVerification(services, lease, state, phase)
  else await openAgentPhase(services, lease, state, phase)
  return true
}

/**
 * Takes a sprint as far as it can go now. It looks only at the rows, so it may be called at any time, twice, or
 * after a kill: Discovery, then Coding and Verification until it holds or the attempts are used up.
 */
export const advanceSprint = async (services: Services, sprintId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('sprint', sprintId), stop, async (lease) => {
    for (;;) {
      lease.mayBegin()
      const state = await loadSprint(services, sprintId)
      if (state?.sprint.status !== 'ACTIVE') return
      const phase = state.phases.at(-1)
      const limits = [state.sprint.deadlineAt, phase?.status === 'RUNNING' ? phase.deadlineAt : null]
      if (limits.some((limit) => limit && limit <= services.clock())) {
        const ended = await lease.transact((tx) => endOverdue(tx, sprintId))
        if (ended === 'sprint') return
        if (ended === 'goes on') continue
      }
      try {
        const facts = { step: 'advance sprint', sprintId, projectId: state.sprint.projectId }
        if (!(await services.tracer.join(state.sprint.trace, facts, () => step(services, lease, state)))) return
      } catch (error) {
        if (!(error instanceof DomainError) || !phase) throw error
        await failPhase(lease, state, phase, error.message)
        return
      }
    }
  })
}
