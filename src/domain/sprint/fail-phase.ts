import type { HeldLease } from '../lease/lease.ts'
import { AgentRun } from '../run/agent-run.entity.ts'
import { toRunStatus } from '../run/run.status.ts'
import { endSprint } from './end-sprint.ts'
import type { PhaseRow } from './phase.entity.ts'
import { Sprint } from './sprint.entity.ts'
import type { SprintState } from './sprint-state.ts'

/** A phase that cannot go on fails, and the sprint with it. */
export const failPhase = (lease: HeldLease, { sprint }: SprintState, phase: PhaseRow, failure: string): Promise<void> =>
  lease.transact(async (tx) => {
    const run = await tx.em.findOne(AgentRun, { phaseId: phase.id, status: 'RUNNING' })
    if (run) {
      run.status = toRunStatus(run.status, 'FAILED')
      run.failure = failure
      run.finishedAt = tx.now
    }
    await endSprint(tx, await tx.em.findOneOrFail(Sprint, { id: sprint.id }), 'FAILED', failure)
  })
