import type { HeldLease } from '../lease/lease.ts'
import { askStructured } from '../run/ask-structured.ts'
import { candidateFailure } from '../run/candidate-failure.ts'
import type { DecisionMethod } from '../run/decision.entity.ts'
import type { Services } from '../shared/services.ts'
import {
  chosenQuestions,
  type InterviewDecision,
  interviewDecision,
  interviewJudgeMessage,
  interviewJudgeSystem,
  ownQuestions,
} from './interview-questions.ts'
import { type InterviewSite, maxOutputTokens, type Proposal } from './propose-questions.ts'
import type { InterviewQuestion, SpecRow } from './spec.entity.ts'

/** Which questions are asked, and how that was decided. */
export interface InterviewOutcome {
  readonly questions: readonly InterviewQuestion[]
  readonly selected: Proposal
  readonly merged: boolean
  readonly method: DecisionMethod
  readonly rationale: string
  readonly failure: string | null
  readonly judged: InterviewDecision | null
}

/** Lets a judge pick or merge; one that fails is recorded, and the first candidate's questions are asked. */
export const decideInterview = async (
  services: Services,
  lease: HeldLease,
  site: InterviewSite,
  spec: SpecRow,
  proposals: readonly [Proposal, ...Proposal[]],
): Promise<InterviewOutcome> => {
  const [first] = proposals
  const own = { questions: ownQuestions(first.answer, spec.maxQuestions), selected: first, merged: false, judged: null }
  if (proposals.length === 1) {
    return { ...own, method: 'ONLY_CANDIDATE', rationale: `Only ${first.label} answered.`, failure: null }
  }
  const judge = services.models.judge
  const provider = judge && services.models.get(judge.provider)
  const fallback = (reason: string): InterviewOutcome => ({
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
        verdictOf: () => 'SELECTED',
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
