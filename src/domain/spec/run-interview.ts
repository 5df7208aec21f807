import { randomUUID } from 'node:crypto'
import { ValidationError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import { Project } from '../project/project.entity.ts'
import { AgentRun, type AgentRunRow } from '../run/agent-run.entity.ts'
import { askStructured } from '../run/ask-structured.ts'
import type { CallSite } from '../run/call-model.ts'
import { Candidate, type CandidateFailure, type CandidateRow } from '../run/candidate.entity.ts'
import { candidateFailure } from '../run/candidate-failure.ts'
import { Decision, type DecisionMethod } from '../run/decision.entity.ts'
import { chooseSubagents, openRun } from '../run/open-run.ts'
import { toRunStatus } from '../run/run.status.ts'
import { AgentStoppedError } from '../run/run-agent.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import {
  chosenQuestions,
  type InterviewAnswer,
  type InterviewDecision,
  interviewAnswer,
  interviewDecision,
  interviewerMessage,
  interviewerSystem,
  interviewJudgeMessage,
  interviewJudgeSystem,
  ownQuestions,
} from './interview-questions.ts'
import { type InterviewQuestion, Spec, type SpecRow } from './spec.entity.ts'
import { toInterviewStatus, toSpecStatus } from './spec.status.ts'

const maxOutputTokens = 4_000

interface Proposal {
  readonly candidate: CandidateRow
  readonly label: string
  readonly answer: InterviewAnswer
}

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
      message: spec.task,
      startTree: null,
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

const siteOf = async (
  services: Services,
  spec: SpecRow,
  run: AgentRunRow,
): Promise<Omit<CallSite, 'agent' | 'scope' | 'candidateId'>> => {
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

const propose = async (
  services: Services,
  lease: HeldLease,
  site: Omit<CallSite, 'agent' | 'scope' | 'candidateId'>,
  spec: SpecRow,
  candidate: CandidateRow,
): Promise<Proposal | CandidateFailure> => {
  if (candidate.failure) return candidate.failure
  const provider = services.models.get(candidate.provider)
  const ended = (output: string | null, failure: CandidateFailure | null) =>
    lease.transact(async (tx) => {
      const row = await tx.em.findOneOrFail(Candidate, { id: candidate.id })
      if (row.finishedAt) return
      row.status = toRunStatus(toRunStatus(row.status, 'RUNNING'), failure ? 'FAILED' : 'COMPLETED')
      row.output = output
      row.failure = failure
      row.startedAt = candidate.createdAt
      row.finishedAt = tx.now
    })
  try {
    if (!provider) throw new AgentStoppedError('not_configured', `${candidate.provider} is no longer configured.`)
    const answer = await askStructured(
      services,
      lease,
      { ...site, agent: 'interviewer', scope: `candidate:${candidate.id}`, candidateId: candidate.id },
      provider,
      0,
      {
        name: 'interview',
        schema: interviewAnswer,
        model: candidate.modelName,
        system: interviewerSystem,
        message: interviewerMessage(spec.task, spec.maxQuestions),
        maxOutputTokens,
      },
    )
    await ended(JSON.stringify(answer), null)
    return { candidate, label: candidate.label, answer }
  } catch (error) {
    const failure = candidateFailure(error)
    if (!failure) throw error
    await ended(null, failure)
    return failure
  }
}

interface Outcome {
  readonly questions: readonly InterviewQuestion[]
  readonly selected: Proposal
  readonly merged: boolean
  readonly method: DecisionMethod
  readonly rationale: string
  readonly failure: string | null
  readonly judged: InterviewDecision | null
}

const decide = async (
  services: Services,
  lease: HeldLease,
  site: Omit<CallSite, 'agent' | 'scope' | 'candidateId'>,
  spec: SpecRow,
  proposals: readonly [Proposal, ...Proposal[]],
): Promise<Outcome> => {
  const [first] = proposals
  const own = { questions: ownQuestions(first.answer, spec.maxQuestions), selected: first, merged: false, judged: null }
  if (proposals.length === 1) {
    return { ...own, method: 'ONLY_CANDIDATE', rationale: `Only ${first.label} answered.`, failure: null }
  }
  const judge = services.models.judge
  const provider = judge && services.models.get(judge.provider)
  const fallback = (reason: string): Outcome => ({
    ...own,
    method: 'FALLBACK',
    rationale: `The judge did not decide, so the first candidate's questions are asked.`,
    failure: reason,
  })
  if (!judge || !provider) return fallback('No judge is configured.')
  try {
    const judged = await askStructured(
      services,
      lease,
      { ...site, agent: 'interview judge', scope: `run:${site.runId}:judge`, candidateId: null },
      provider,
      0,
      {
        name: 'interview_decision',
        schema: interviewDecision,
        model: judge.model,
        system: interviewJudgeSystem,
        message: interviewJudgeMessage(spec.task, spec.maxQuestions, proposals),
        maxOutputTokens,
      },
    )
    const selected = proposals.find((proposal) => proposal.label === judged.selected)
    if (!selected) return fallback(`The judge selected ${judged.selected.slice(0, 50)}, which is no candidate.`)
    const { questions, merged } = chosenQuestions(judged, proposals, spec.maxQuestions)
    if (questions.length === 0 && judged.questions.length > 0)
      return fallback('The judge chose questions that nobody proposed.')
    return { questions, selected, merged, method: 'JUDGE', rationale: judged.rationale, failure: null, judged }
  } catch (error) {
    const failure = candidateFailure(error)
    if (!failure) throw error
    return fallback(failure.message)
  }
}

const finish = (
  services: Services,
  lease: HeldLease,
  spec: SpecRow,
  run: AgentRunRow,
  proposals: readonly Proposal[],
  outcome: Outcome,
) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Spec, { id: spec.id })
    const runRow = await tx.em.findOneOrFail(AgentRun, { id: run.id })
    runRow.status = toRunStatus(runRow.status, 'COMPLETED')
    runRow.finishedAt = tx.now
    const judge = outcome.judged ? services.models.judge : undefined
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
    const outcomes = await Promise.all(candidates.map((candidate) => propose(services, lease, site, spec, candidate)))
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
    await finish(services, lease, spec, run, proposals, await decide(services, lease, site, spec, proposals))
  })
}
