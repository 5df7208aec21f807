import { DomainError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import { storeEvaluation } from '../safety/evaluate-trees.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { AgentRun, type AgentRunRow } from './agent-run.entity.ts'
import type { CandidateRow } from './candidate.entity.ts'
import { noResult } from './candidate-failure.ts'
import { runSite } from './candidate-task.ts'
import { keepCheckpoint } from './checkpoint.ts'
import type { Contenders } from './contender.ts'
import { decideRun, storeDecision } from './decide-run.ts'
import { endOverdueRun } from './end-overdue-run.ts'
import { emitRunChanged, endRun } from './end-run.ts'
import { type Measured, measureCandidates } from './measure-candidates.ts'
import { planContenders } from './plan-contenders.ts'
import { isEnded } from './run.status.ts'

const fail = (lease: HeldLease, run: AgentRunRow, failure: string) =>
  lease.transact(async (tx) => endRun(tx, await tx.em.findOneOrFail(AgentRun, { id: run.id }), 'FAILED', failure))

const measure = async (
  services: Services,
  lease: HeldLease,
  run: AgentRunRow,
  completed: readonly [CandidateRow, ...CandidateRow[]],
): Promise<Measured> => {
  if (run.role === 'planner') {
    return { state: 'measured', contenders: await planContenders(services, run.projectId, completed), changes: [] }
  }
  const baseTree = await services.git.treeOf(run.projectId, run.baseCommit ?? '')
  const subject = { projectId: run.projectId }
  return measureCandidates(services, lease, { subject, phaseId: null, completed, baseTree, showOutput: true })
}

const decide = async (
  services: Services,
  lease: HeldLease,
  run: AgentRunRow,
  contenders: Contenders,
  changes: Extract<Measured, { state: 'measured' }>['changes'],
) => {
  const outcome = await decideRun(services, lease, await runSite(services, run), run, run.message, contenders)
  const checkpointId = await keepCheckpoint(services, run.projectId, outcome.selected.candidate.tree ?? '')
  await lease.transact(async (tx) => {
    for (const change of changes) await storeEvaluation(tx, run.projectId, change)
    await storeDecision(tx, run, outcome, checkpointId)
    emitRunChanged(tx, run, 'COMPLETED')
  })
}

const step = async (services: Services, lease: HeldLease, run: AgentRunRow): Promise<void> => {
  const candidates = await rows(services.em())
    .selectFrom('Candidate')
    .selectAll()
    .where('runId', '=', run.id)
    .orderBy('position')
    .execute()
  if (!candidates.every(({ status }) => isEnded(status))) return
  const [first, ...others] = candidates.filter(({ status }) => status === 'COMPLETED')
  if (!first) {
    await fail(lease, run, noResult(candidates))
    return
  }
  const measured = await measure(services, lease, run, [first, ...others])
  if (measured.state === 'waiting') return
  if (measured.state === 'broken') await fail(lease, run, measured.failure)
  else await decide(services, lease, run, measured.contenders, measured.changes)
}

/**
 * Takes a run outside a sprint as far as it can go now: once every candidate has ended, the project's tests run on each
 * result; once those have ended, one is chosen. It looks only at the rows, so it may be called at any time, twice, or
 * after a kill.
 */
export const advanceRun = async (services: Services, runId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('run', runId), stop, async (lease) => {
    const run = await rows(services.em())
      .selectFrom('AgentRun')
      .selectAll()
      .where('id', '=', runId)
      .where('purpose', '=', 'RUN')
      .executeTakeFirst()
    if (!run || isEnded(run.status)) return
    if (run.deadlineAt && run.deadlineAt <= services.clock()) {
      // After its candidates, the results of the others are still tested and decided on.
      if ((await lease.transact((tx) => endOverdueRun(tx, runId))) === 'run') return
    }
    try {
      await step(services, lease, run)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      await fail(lease, run, error.message)
    }
  })
}
