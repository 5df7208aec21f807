import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import type { ModelAnswer, Provider } from '../ports/model-provider.ts'
import { Project } from '../project/project.entity.ts'
import { Session } from '../session/session.entity.ts'
import type { Row } from '../shared/row.ts'
import { Sprint } from '../sprint/sprint.entity.ts'
import { AgentRun } from './agent-run.entity.ts'
import { Candidate } from './candidate.entity.ts'

/**
 * SENT: on its way, or its outcome was lost with the process that made it (then LOST, and settled as spent).
 * REPLAYED: not made, since the run that this one continues has the answer to the same request; it cost nothing.
 */
export type ModelCallStatus = 'SENT' | 'ANSWERED' | 'FAILED' | 'LOST' | 'REPLAYED'

/** One call to a provider, recorded before it is made: its answer is never bought again. */
export const ModelCall = defineEntity({
  name: 'ModelCall',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id').index(),
    sprintId: () => p.manyToOne(Sprint).mapToPk().strictNullable().fieldName('sprint_id').index(),
    runId: () => p.manyToOne(AgentRun).mapToPk().strictNullable().fieldName('run_id').index(),
    sessionId: () => p.manyToOne(Session).mapToPk().strictNullable().fieldName('session_id').index(),
    candidateId: () => p.manyToOne(Candidate).mapToPk().strictNullable().fieldName('candidate_id').index(),
    requestedById: () => p.manyToOne(Actor).mapToPk().fieldName('requested_by_id'),
    /** Who asked, and where in its conversation: unique among calls that have an answer. */
    agent: p.text(),
    scope: p.text(),
    sequence: p.integer(),
    /** SHA-256 of everything that went into the request. */
    requestHash: p.text(),
    provider: p.text().$type<Provider>(),
    model: p.text(),
    rehearsal: p.boolean(),
    status: p.text().$type<ModelCallStatus>(),
    /** The budgets under which it was reserved. */
    budgetIds: p.json().$type<readonly string[]>(),
    /** The lease and its fencing number under which it was sent: while they are held it is under way. */
    lease: p.text().strictNullable(),
    fence: p.bigint('number').strictNullable(),
    reservedCostUsd: p.double().$type<number>(),
    reservedTokens: p.bigint('number'),
    /** The call that was answered, of one that is REPLAYED. */
    replayedFromId: p.uuid().strictNullable(),
    answer: p.json().$type<ModelAnswer>().strictNullable(),
    failure: p.text().strictNullable(),
    inputTokens: p.integer(),
    cachedInputTokens: p.integer(),
    outputTokens: p.integer(),
    /** Null when the model's price is not known. */
    costUsd: p.double().$type<number>().strictNullable(),
    /** Null where nothing was recorded of it. */
    traceId: p.text().strictNullable(),
    startedAt: p.datetime(),
    finishedAt: p.datetime().strictNullable(),
  },
  indexes: [
    {
      name: 'model_call_answered_unique',
      expression: `create unique index "model_call_answered_unique" on "model_call" ("scope", "sequence") where status in ('ANSWERED', 'REPLAYED')`,
    },
    {
      name: 'model_call_sent_index',
      expression: `create index "model_call_sent_index" on "model_call" ("provider", "project_id") where status = 'SENT'`,
    },
    { name: 'model_call_scope_index', properties: ['scope', 'sequence'] },
  ],
})
export type ModelCallRow = Row<typeof ModelCall>
