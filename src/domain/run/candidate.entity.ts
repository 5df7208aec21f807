import { defineEntity, p } from '@mikro-orm/core'
import { Budget } from '../budget/budget.entity.ts'
import type { Provider } from '../ports/model-provider.ts'
import type { Row } from '../shared/row.ts'
import { AgentRun } from './agent-run.entity.ts'
import type { RunStatus } from './run.status.ts'

/** Why a candidate has no result: the provider's failure or its own. */
export interface CandidateFailure {
  readonly code: string
  readonly message: string
  readonly retryable: boolean
}

export const Candidate = defineEntity({
  name: 'Candidate',
  properties: {
    id: p.uuid().primary(),
    runId: () => p.manyToOne(AgentRun).mapToPk().fieldName('run_id'),
    position: p.integer(),
    label: p.text(),
    provider: p.text().$type<Provider>(),
    rehearsal: p.boolean(),
    modelName: p.text(),
    instructions: p.text().strictNullable(),
    status: p.text().$type<RunStatus>(),
    output: p.text().strictNullable(),
    /** The workspace as it is now; null where there is no workspace. */
    tree: p.text().strictNullable(),
    failure: p.json().$type<CandidateFailure>().strictNullable(),
    /** Its share of what the run or the sprint may spend, which only counts while there is no limit; null without one. */
    budgetId: () => p.manyToOne(Budget).mapToPk().strictNullable().fieldName('budget_id'),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
  },
  uniques: [{ name: 'candidate_label_unique', properties: ['runId', 'label'] }],
})
export type CandidateRow = Row<typeof Candidate>
