import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Budget } from '../budget/budget.entity.ts'
import { Project } from '../project/project.entity.ts'
import type { Subagent } from '../run/subagent.ts'
import type { Row } from '../shared/row.ts'
import { Spec } from '../spec/spec.entity.ts'
import type { SprintStatus } from './sprint.status.ts'

export const Sprint = defineEntity({
  name: 'Sprint',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id').index(),
    specId: () => p.manyToOne(Spec).mapToPk().fieldName('spec_id').index(),
    name: p.text(),
    goal: p.text(),
    status: p.text().$type<SprintStatus>(),
    failure: p.text().strictNullable(),
    requirePlanApproval: p.boolean(),
    maxAttempts: p.integer(),
    deadlineSeconds: p.integer(),
    /** Null: one of each configured provider. */
    subagents: p.json().$type<readonly Subagent[]>().strictNullable(),
    judge: p.json().$type<Subagent>().strictNullable(),
    plan: p.text().strictNullable(),
    /** When a person approved it, where one has to. */
    planApprovedAt: p.datetime().strictNullable(),
    /** Counts from 1; a person's rejection starts the next one. */
    iteration: p.integer(),
    /** What the person who rejected the last iteration said. */
    feedback: p.text().strictNullable(),
    baseCommit: p.text().strictNullable(),
    /** The tree that the next attempt starts from: the base's, then the selected candidate's. */
    workingTree: p.text().strictNullable(),
    budgetId: () => p.manyToOne(Budget).mapToPk().fieldName('budget_id'),
    createdById: () => p.manyToOne(Actor).mapToPk().fieldName('created_by_id'),
    /** Its whole work is a part of this trace, whenever it goes on. */
    trace: p.text().strictNullable(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    deadlineAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
  },
  indexes: [
    {
      name: 'sprint_open_index',
      expression: `create index "sprint_open_index" on "sprint" ("project_id") where status = 'ACTIVE'`,
    },
  ],
})
export type SprintRow = Row<typeof Sprint>
