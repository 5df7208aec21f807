import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import { Project } from '../project/project.entity.ts'
import { rows } from '../shared/database.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { Sprint } from '../sprint/sprint.entity.ts'
import { coderSystem, plannerSystem, withInstructions } from '../sprint/sprint-prompts.ts'
import { projectTestCases } from '../testing/open-test-run.ts'
import type { AgentRunRow } from './agent-run.entity.ts'
import { Candidate, type CandidateFailure, type CandidateRow } from './candidate.entity.ts'
import { candidateFailure } from './candidate-failure.ts'
import { addCheckpoint, nextCheckpoint } from './checkpoint.ts'
import { isEnded, toRunStatus } from './run.status.ts'
import { AgentStoppedError, type AgentTask, runAgent } from './run-agent.ts'
import { runTestsTool } from './run-tests-tool.ts'
import { workspaceTools } from './workspace-tools.ts'

/** Where Discovery leaves the plan. */
export const planPath = 'implementation_plan.md'

const maxTurns = 60
const maxOutputTokens = 16_000

const taskOf = async (services: Services, run: AgentRunRow, candidate: CandidateRow): Promise<AgentTask> => {
  const coding = run.purpose === 'CODING'
  return {
    system: withInstructions(coding ? coderSystem : plannerSystem, candidate.instructions),
    message: run.message,
    tools: coding ? [...workspaceTools, runTestsTool(await projectTestCases(services, run.projectId))] : workspaceTools,
    maxTurns,
    maxOutputTokens,
  }
}

const begin = (lease: HeldLease, candidateId: string) =>
  lease.transact(async (tx) => {
    const candidate = await tx.em.findOneOrFail(Candidate, { id: candidateId })
    if (candidate.status !== 'PENDING') return
    candidate.status = toRunStatus(candidate.status, 'RUNNING')
    candidate.startedAt = tx.now
  })

const advance = (tx: Transaction, run: AgentRunRow) => {
  if (run.sprintId) tx.enqueue(advanceSprintJob, { sprintId: run.sprintId })
}

const complete = async (
  services: Services,
  lease: HeldLease,
  run: AgentRunRow,
  candidate: CandidateRow,
  text: string,
  tree: string,
) => {
  const signature = { name: 'Countersign', email: 'countersign@localhost', at: candidate.createdAt }
  const commit = await services.git.writeCommit(run.projectId, {
    tree,
    parents: [],
    message: `Candidate ${candidate.label}\n`,
    author: signature,
    committer: signature,
  })
  await services.git.keep(run.projectId, 'candidates', candidate.id, commit)
  await lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Candidate, { id: candidate.id })
    row.status = toRunStatus(row.status, 'COMPLETED')
    row.output = safeText(text)
    row.tree = tree
    row.finishedAt = tx.now
    const sequence = await nextCheckpoint(tx, run.id)
    addCheckpoint(tx, run, {
      sequence,
      label: `candidate:${candidate.label}`,
      tree,
      state: { candidateId: candidate.id, output: row.output },
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

const work = async (services: Services, lease: HeldLease, run: AgentRunRow, candidate: CandidateRow) => {
  const provider = services.models.get(candidate.provider)
  if (!provider)
    throw new AgentStoppedError('not_configured', `The provider ${candidate.provider} is no longer configured.`)
  const em = services.em()
  const project = await em.findOneOrFail(Project, { id: run.projectId })
  const sprint = run.sprintId ? await em.findOneOrFail(Sprint, { id: run.sprintId }) : null
  const site = {
    projectId: run.projectId,
    sprintId: run.sprintId,
    runId: run.id,
    candidateId: candidate.id,
    requestedById: sprint?.createdById ?? project.createdById,
    agent: run.purpose === 'CODING' ? 'coder' : 'planner',
    scope: `candidate:${candidate.id}`,
    iteration: sprint?.iteration ?? 0,
    budgetIds: [project.budgetId, ...(sprint ? [sprint.budgetId] : [])].sort(),
  }
  // From the start tree: every stored tool result leads from there to the workspace as it is now.
  const fresh = { ...candidate, tree: run.startTree }
  const { text, tree } = await runAgent(services, lease, site, fresh, provider, await taskOf(services, run, candidate))
  if (run.purpose === 'DISCOVERY' && !(await services.git.readFile(run.projectId, tree, planPath))) {
    throw new AgentStoppedError('no_plan', `The planner did not write ${planPath}.`)
  }
  return { text, tree }
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
    let done: { text: string; tree: string }
    try {
      done = await work(services, lease, run, candidate)
    } catch (error) {
      const failure = lease.signal.aborted ? undefined : candidateFailure(error)
      if (!failure) throw error
      await fail(lease, run, candidate, failure)
      return
    }
    await complete(services, lease, run, candidate, done.text, done.tree)
  })
}
