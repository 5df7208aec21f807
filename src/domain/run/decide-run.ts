import { randomUUID } from 'node:crypto'
import type { HeldLease } from '../lease/lease.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { judgeMessage, judgeSystem, withInstructions } from '../sprint/sprint-prompts.ts'
import { AgentRun, type AgentRunRow } from './agent-run.entity.ts'
import { earlierJudgements, judgeScope } from './ancestors.ts'
import type { CallSite } from './call-site.ts'
import type { CandidateRow } from './candidate.entity.ts'
import { candidateFailure } from './candidate-failure.ts'
import { Checkpoint } from './checkpoint.entity.ts'
import { addCheckpoint, nextCheckpoint } from './checkpoint.ts'
import { type Contender, type Contenders, describeSame, sameResults } from './contender.ts'
import { type CandidateScore, Decision, type DecisionMethod } from './decision.entity.ts'
import { compareEvidence, describeEvidence, evidenceScore, leaders } from './evidence.ts'
import { type Entry, judgePairs } from './judge-pairs.ts'
import { toRunStatus } from './run.status.ts'
import type { Subagent } from './subagent.ts'

export interface DecisionOutcome {
  readonly selected: Contender
  readonly method: DecisionMethod
  readonly rationale: string
  readonly scores: readonly CandidateScore[]
  readonly judge: { readonly provider: CandidateRow['provider']; readonly model: string } | null
  readonly failure: string | null
}

const evidenceScores = (contenders: Contenders): readonly CandidateScore[] =>
  contenders.flatMap(({ candidate, evidence }) =>
    evidence ? [{ candidateId: candidate.id, score: evidenceScore(evidence), reason: describeEvidence(evidence) }] : [],
  )

const rationaleOf = (winner: Contender, contenders: Contenders): string => {
  const { evidence } = winner
  if (!evidence) return ''
  const against = contenders.flatMap((other) => {
    if (other === winner || !other.evidence) return []
    const compared = compareEvidence(evidence, other.evidence)
    return compared ? [`${winner.candidate.label} over ${other.candidate.label} by ${compared.measure}`] : []
  })
  return against.length === 0 ? '' : `${against.join('; ')}.`
}

/** Those level on the evidence, or all where there is none. */
const level = (contenders: Contenders): Contenders => {
  const measured = contenders.flatMap(({ evidence }) => evidence ?? [])
  if (measured.length < contenders.length) return contenders
  const ahead = new Set(leaders(measured).map(({ candidateId }) => candidateId))
  const [first, ...others] = contenders.filter(({ candidate }) => ahead.has(candidate.id))
  return first ? [first, ...others] : contenders
}

const chooseJudge = (services: Services, wanted: Subagent | null) => {
  const provider = wanted ? services.models.get(wanted.provider) : undefined
  if (wanted && provider) return { provider: wanted.provider, model: wanted.model ?? provider.defaultModel }
  return services.models.judge ?? null
}

const toEntry = ({ candidate, text }: Contender): Entry => ({ candidateId: candidate.id, label: candidate.label, text })

/**
 * Chooses between the results of a run: the evidence decides; a model judges only what the evidence leaves level, equal
 * results as one; a judge that fails is recorded, and the first of those in the lead is taken.
 */
export const decideRun = async (
  services: Services,
  lease: HeldLease,
  site: Omit<CallSite, 'agent' | 'scope' | 'candidateId'>,
  run: AgentRunRow,
  task: string,
  contenders: Contenders,
): Promise<DecisionOutcome> => {
  const [only, ...rest] = contenders
  const scores = evidenceScores(contenders)
  if (rest.length === 0) {
    const rationale = `Only ${only.candidate.label} has a result${only.evidence ? `: ${describeEvidence(only.evidence)}` : ''}.`
    return { selected: only, method: 'ONLY_CANDIDATE', rationale, scores, judge: null, failure: null }
  }
  const groups = sameResults(level(contenders))
  const [[first], second, ...others] = groups
  const same = describeSame(groups)
  if (!second) {
    return {
      selected: first,
      method: 'EVIDENCE',
      rationale: [rationaleOf(first, contenders), same].filter(Boolean).join('\n'),
      scores,
      judge: null,
      failure: null,
    }
  }
  const judge = chooseJudge(services, run.judge)
  const provider = judge ? services.models.get(judge.provider) : undefined
  const fallback = (failure: string): DecisionOutcome => ({
    selected: first,
    method: 'FALLBACK',
    rationale: `The judge did not decide; ${first.candidate.label} is the first of those that the evidence leaves level.`,
    scores,
    judge,
    failure,
  })
  if (!judge || !provider) return fallback('No judge is configured.')
  const replays = await earlierJudgements(services, run.replaysId)
  try {
    const judged = await judgePairs(
      services,
      lease,
      { ...site, agent: 'judge', scope: judgeScope(run.id), candidateId: null, replays },
      provider,
      {
        model: judge.model,
        system: withInstructions(judgeSystem, run.judge?.instructions ?? null),
        message: (a, b) => judgeMessage(task, a, b),
      },
      [toEntry(first), toEntry(second[0]), ...others.map(([one]) => toEntry(one))],
    )
    const selected = contenders.find(({ candidate }) => candidate.id === judged.winner.candidateId) ?? first
    return {
      selected,
      method: 'JUDGE',
      rationale: [same, judged.reason].filter(Boolean).join('\n'),
      scores: groups.flatMap((group) => {
        const score = judged.scores.get(group[0].candidate.id)
        return score ? group.map(({ candidate }) => ({ candidateId: candidate.id, ...score })) : []
      }),
      judge,
      failure: null,
    }
  } catch (error) {
    const failure = lease.signal.aborted ? undefined : candidateFailure(error)
    if (!failure) throw error
    return fallback(failure.message)
  }
}

/**
 * Stores a decision with its checkpoint; the run is then COMPLETED.
 * @param checkpointId keeps the selected candidate's tree
 */
export const storeDecision = async (
  tx: Transaction,
  run: AgentRunRow,
  outcome: DecisionOutcome,
  checkpointId: string,
): Promise<void> => {
  const row = await tx.em.findOneOrFail(AgentRun, { id: run.id })
  row.status = toRunStatus(row.status, 'COMPLETED')
  row.finishedAt = tx.now
  tx.em.create(Decision, {
    id: randomUUID(),
    runId: run.id,
    selectedId: outcome.selected.candidate.id,
    merged: false,
    method: outcome.method,
    provider: outcome.judge?.provider ?? null,
    modelName: outcome.judge?.model ?? null,
    rationale: outcome.rationale,
    scores: outcome.scores,
    failure: outcome.failure,
    createdAt: tx.now,
  })
  const { candidate } = outcome.selected
  const sequence = await nextCheckpoint(tx, run.id)
  const end = await tx.em.findOneOrFail(Checkpoint, { runId: run.id, label: `candidate:${candidate.label}` })
  addCheckpoint(tx, run, {
    id: checkpointId,
    sequence,
    label: 'decision',
    tree: end.tree,
    state: { ...end.state, candidateId: candidate.id, method: outcome.method },
  })
}
