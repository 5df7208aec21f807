import type { HeldLease } from '../lease/lease.ts'
import { askStructured } from '../run/ask-structured.ts'
import type { CallSite } from '../run/call-site.ts'
import { Candidate, type CandidateFailure, type CandidateRow } from '../run/candidate.entity.ts'
import { candidateFailure } from '../run/candidate-failure.ts'
import { toRunStatus } from '../run/run.status.ts'
import { AgentStoppedError } from '../run/run-agent.ts'
import type { Services } from '../shared/services.ts'
import { type InterviewAnswer, interviewAnswer, interviewerMessage, interviewerSystem } from './interview-questions.ts'
import type { SpecRow } from './spec.entity.ts'

/** Of an interviewer's or its judge's answer. */
export const maxOutputTokens = 4_000

/** On whose behalf an interview's calls are made; who makes them is added. */
export type InterviewSite = Omit<CallSite, 'agent' | 'scope' | 'candidateId'>

/** What one candidate would ask. */
export interface Proposal {
  readonly candidate: CandidateRow
  readonly label: string
  readonly answer: InterviewAnswer
}

/** Asks one candidate for its questions; its failure is recorded on it and ends only it. */
export const proposeQuestions = async (
  services: Services,
  lease: HeldLease,
  site: InterviewSite,
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
