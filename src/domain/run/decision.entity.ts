import { defineEntity, p } from '@mikro-orm/core'
import type { Provider } from '../ports/model-provider.ts'
import type { Row } from '../shared/row.ts'
import { AgentRun } from './agent-run.entity.ts'
import { Candidate } from './candidate.entity.ts'

export const decisionMethods = ['ONLY_CANDIDATE', 'EVIDENCE', 'JUDGE', 'FALLBACK', 'PERSON'] as const
export type DecisionMethod = (typeof decisionMethods)[number]

export interface CandidateScore {
  readonly candidateId: string
  readonly score: number
  readonly reason: string
}

export const Decision = defineEntity({
  name: 'Decision',
  properties: {
    id: p.uuid().primary(),
    runId: () => p.oneToOne(AgentRun).mapToPk().fieldName('run_id').owner(),
    selectedId: () => p.manyToOne(Candidate).mapToPk().fieldName('selected_id'),
    merged: p.boolean(),
    method: p.text().$type<DecisionMethod>(),
    provider: p.text().$type<Provider>().strictNullable(),
    modelName: p.text().strictNullable(),
    rationale: p.text(),
    scores: p.json().$type<readonly CandidateScore[]>(),
    /** Why a judge that was asked did not decide. */
    failure: p.text().strictNullable(),
    createdAt: p.datetime(),
  },
})
export type DecisionRow = Row<typeof Decision>
