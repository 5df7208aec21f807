import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
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

/** What was decided before a person overruled it. */
export interface OverruledDecision {
  readonly selectedId: string
  readonly method: DecisionMethod
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
    /** Set together when a person chose another candidate; what the judge said stays. */
    overruled: p.json().$type<OverruledDecision>().strictNullable(),
    overruledById: () => p.manyToOne(Actor).mapToPk().strictNullable().fieldName('overruled_by_id'),
    overruledAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
  },
})
export type DecisionRow = Row<typeof Decision>
