import { randomUUID } from 'node:crypto'
import { ValidationError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import { Project } from '../project/project.entity.ts'
import { AgentRun, type AgentRunRow } from '../run/agent-run.entity.ts'
import { Decision } from '../run/decision.entity.ts'
import { chooseSubagents, openRun } from '../run/open-run.ts'
import { toRunStatus } from '../run/run.status.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { decideInterview, type InterviewOutcome } from './decide-interview.ts'
import { type InterviewSite, type Proposal, proposeQuestions } from './propose-questions.ts'
import { Spec, type SpecRow } from './spec.entity.ts'
import { toInterviewStatus, toSpecStatus } from './spec.status.ts'

const begin = async (services: Services, lease: HeldLease, spec: SpecRow): Promise<AgentRunRow> => {
  const running = await rows(services.em())
    .selectFrom('AgentRun')
    .selectAll()
    .where('specId', '=', spec.id)
    .where('purpose', '=', 'INTERVIEW')
    .where('status', '=', 'RUNNING')
    .executeTakeFirst()
  if (running) return running
  return lease.transact(async (tx) => {
    const changed = await tx.em.findOneOrFail(Spec, { id: spec.id })
    const { subagents, note } = chooseSubagents(services, null)
    const wanted = spec.interviewMode === 'SINGLE' ? subagents.slice(0, 1) : subagents.slice(0, 2)
    const { id } = openRun(services, tx, {
      projectId: spec.projectId,
      specId: spec.id,
      sprintId: null,
      phaseId: null,
      purpose: 'INTERVIEW',
      role: 'interviewer',
      createdById: spec.createdById,
      message: spec.task,
      baseCommit: null,
      start: null,
      limits: null,
      subagents: wanted,
      judge: null,
      note,
    })
    changed.interviewStatus = toInterviewStatus(changed.interviewStatus, 'RUNNING')
    if (wanted.length === 1) changed.interviewMode = 'SINGLE'
    tx.emit(
      { projectId: spec.projectId, specId: spec.id },
      { type: 'InterviewChanged', specId: spec.id, status: 'RUNNING' },
    )
    await tx.em.flush()
    return rows(tx.em).selectFrom('AgentRun').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  })
}

const siteOf = async (services: Services, spec: SpecRow, run: AgentRunRow): Promise<InterviewSite> => {
  const project = await services.em().findOneOrFail(Project, { id: spec.projectId })
  return {
    projectId: spec.projectId,
    specId: spec.id,
    sprintId: null,
    runId: run.id,
    requestedById: spec.createdById,
    iteration: 0,
    budgetIds: [project.budgetId],
  }
}

const finish = (
  services: Services,
  lease: HeldLease,
  spec: SpecRow,
  run: AgentRunRow,
  proposals: readonly Proposal[],
  outcome: InterviewOutcome,
) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Spec, { id: spec.id })
    const runRow = await tx.em.findOneOrFail(AgentRun, { id: run.id })
    runRow.status = toRunStatus(runRow.status, 'COMPLETED')
    runRow.finishedAt = tx.now
    const judge = outcome.method === 'ONLY_CANDIDATE' ? undefined : services.models.judge
    tx.em.create(Decision, {
      id: randomUUID(),
      runId: run.id,
      selectedId: outcome.selected.candidate.id,
      merged: outcome.merged,
      method: outcome.method,
      provider: judge?.provider ?? null,
      modelName: judge?.model ?? null,
      rationale: outcome.rationale,
      scores: (outcome.judged?.scores ?? []).flatMap(({ label, score, reason }) => {
        const scored = proposals.find((proposal) => proposal.label === label)
        return scored ? [{ candidateId: scored.candidate.id, score, reason }] : []
      }),
      failure: outcome.failure,
      createdAt: tx.now,
    })
    row.questions = outcome.questions
    row.assessment = outcome.selected.answer.assessment
    const answered = outcome.questions.length === 0
    row.interviewStatus = toInterviewStatus(row.interviewStatus, answered ? 'ANSWERED' : 'NEEDS_ANSWERS')
    if (answered) row.status = toSpecStatus(row.status, 'VALIDATED')
    tx.emit(
      { projectId: spec.projectId, specId: spec.id },
      { type: 'InterviewChanged', specId: spec.id, status: row.interviewStatus },
    )
  })

const fail = (lease: HeldLease, spec: SpecRow, run: AgentRunRow | null, reason: string) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Spec, { id: spec.id })
    if (run) {
      const runRow = await tx.em.findOneOrFail(AgentRun, { id: run.id })
      runRow.status = toRunStatus(runRow.status, 'FAILED')
      runRow.failure = reason
      runRow.finishedAt = tx.now
    }
    row.interviewStatus = toInterviewStatus(row.interviewStatus, 'FAILED')
    row.interviewFailure = reason
    tx.emit(
      { projectId: spec.projectId, specId: spec.id },
      { type: 'InterviewChanged', specId: spec.id, status: 'FAILED' },
    )
  })

/**
 * The planning interview: every provider proposes questions at the same time, a judge picks or merges.
 * One provider down: the other serves. All down: FAILED with every reason, and can be tried again.
 */
export const runInterview = async (services: Services, specId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('spec', specId), stop, async (lease) => {
    const spec = await rows(services.em()).selectFrom('Spec').selectAll().where('id', '=', specId).executeTakeFirst()
    if (!spec || (spec.interviewStatus !== 'QUEUED' && spec.interviewStatus !== 'RUNNING')) return
    let run: AgentRunRow
    try {
      run = await begin(services, lease, spec)
    } catch (error) {
      // The keys were there when the spec was made, and are gone since.
      if (!(error instanceof ValidationError)) throw error
      await fail(lease, spec, null, error.message)
      return
    }
    const site = await siteOf(services, spec, run)
    const candidates = await rows(services.em())
      .selectFrom('Candidate')
      .selectAll()
      .where('runId', '=', run.id)
      .orderBy('position')
      .execute()
    // All of them: when one stops, another's answer may be on its way, and is stored under this lease.
    const ends = await Promise.allSettled(
      candidates.map((candidate) => proposeQuestions(services, lease, site, spec, candidate)),
    )
    const outcomes = ends.map((end) => {
      if (end.status === 'rejected') throw end.reason
      return end.value
    })
    const [first, ...others] = outcomes.filter((outcome): outcome is Proposal => 'answer' in outcome)
    if (!first) {
      const reasons = candidates.map((candidate, index) => {
        const outcome = outcomes[index]
        return `${candidate.label} (${candidate.provider}): ${outcome && 'message' in outcome ? outcome.message : 'no answer'}`
      })
      await fail(lease, spec, run, reasons.join('\n'))
      return
    }
    const proposals: readonly [Proposal, ...Proposal[]] = [first, ...others]
    await finish(services, lease, spec, run, proposals, await decideInterview(services, lease, site, spec, proposals))
  })
}
