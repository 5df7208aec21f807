import { advanceRunJob } from '../../jobs/advance-run.ts'
import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import { rows } from '../shared/database.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import type { AgentRunRow } from './agent-run.entity.ts'
import { Candidate, type CandidateFailure, type CandidateRow } from './candidate.entity.ts'
import { candidateFailure } from './candidate-failure.ts'
import { candidateSite, startOf, taskOf } from './candidate-task.ts'
import { addCheckpoint, keepCheckpoint, nextCheckpoint } from './checkpoint.ts'
import { keepConversation } from './conversation.ts'
import { isEnded, toRunStatus } from './run.status.ts'
import { type AgentEnd, AgentStoppedError, runAgent } from './run-agent.ts'

/** Where a planner leaves the plan. */
export const planPath = 'implementation_plan.md'

const begin = (lease: HeldLease, candidateId: string) =>
  lease.transact(async (tx) => {
    const candidate = await tx.em.findOneOrFail(Candidate, { id: candidateId })
    if (candidate.status !== 'PENDING') return
    candidate.status = toRunStatus(candidate.status, 'RUNNING')
    candidate.startedAt = tx.now
  })

const advance = (tx: Transaction, run: AgentRunRow) => {
  if (run.sprintId) tx.enqueue(advanceSprintJob, { sprintId: run.sprintId })
  else tx.enqueue(advanceRunJob, { runId: run.id })
}

const complete = async (
  services: Services,
  lease: HeldLease,
  run: AgentRunRow,
  candidate: CandidateRow,
  { text, tree, messages }: AgentEnd,
) => {
  const signature = { name: 'Countersign', email: 'countersign@localhost', at: candidate.createdAt }
  const commit = await services.git.writeCommit(run.projectId, {
    tree,
    parents: [],
    message: `Candidate ${candidate.label}\n`,
    author: signature,
    committer: signature,
  })
  // Its tree follows from stored answers and results alone: whoever writes it, and however late, writes the same.
  await services.git.keep(run.projectId, 'candidates', candidate.id, commit)
  const checkpointId = await keepCheckpoint(services, run.projectId, tree)
  await lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Candidate, { id: candidate.id })
    row.status = toRunStatus(row.status, 'COMPLETED')
    row.output = safeText(text)
    row.tree = tree
    row.finishedAt = tx.now
    const sequence = await nextCheckpoint(tx, run.id)
    addCheckpoint(tx, run, {
      id: checkpointId,
      sequence,
      label: `candidate:${candidate.label}`,
      tree,
      state: { candidateId: candidate.id, output: row.output, conversation: keepConversation(messages) },
    })
    advance(tx, run)
  })
}

const fail = (lease: HeldLease, run: AgentRunRow, candidate: CandidateRow, failure: CandidateFailure) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Candidate, { id: candidate.id })
    row.status = toRunStatus(row.status, 'FAILED')
    row.failure = failure
    row.finishedAt = tx.now
    advance(tx, run)
  })

const work = async (
  services: Services,
  lease: HeldLease,
  run: AgentRunRow,
  candidate: CandidateRow,
): Promise<AgentEnd> => {
  const provider = services.models.get(candidate.provider)
  if (!provider)
    throw new AgentStoppedError('not_configured', `The provider ${candidate.provider} is no longer configured.`)
  const site = await candidateSite(services, run, candidate)
  const task = await taskOf(services, run, candidate)
  const end = await runAgent(services, lease, site, startOf(run), provider, task)
  if (run.role === 'planner' && !(await services.git.readFile(run.projectId, end.tree, planPath))) {
    throw new AgentStoppedError('no_plan', `The planner did not write ${planPath}.`)
  }
  return end
}

/** One candidate's work in its own workspace, from where it was left. Its failure is recorded on it and ends only it. */
export const runCandidate = async (services: Services, candidateId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('candidate', candidateId), stop, async (lease) => {
    const candidate = await rows(services.em())
      .selectFrom('Candidate')
      .selectAll()
      .where('id', '=', candidateId)
      .executeTakeFirst()
    if (!candidate || isEnded(candidate.status)) return
    const run = await rows(services.em())
      .selectFrom('AgentRun')
      .selectAll()
      .where('id', '=', candidate.runId)
      .executeTakeFirstOrThrow()
    await begin(lease, candidateId)
    let end: AgentEnd
    try {
      end = await work(services, lease, run, candidate)
    } catch (error) {
      const failure = lease.signal.aborted ? undefined : candidateFailure(error)
      if (!failure) throw error
      await fail(lease, run, candidate, failure)
      return
    }
    await complete(services, lease, run, candidate, end)
  })
}
