import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Budget } from '../budget/budget.entity.ts'
import type { ConversationMessage } from '../ports/model-provider.ts'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'
import { Spec } from '../spec/spec.entity.ts'
import { Phase } from '../sprint/phase.entity.ts'
import { Sprint } from '../sprint/sprint.entity.ts'
import type { RunStatus } from './run.status.ts'
import type { Subagent } from './subagent.ts'

/** RUN: of its own, outside a spec or sprint. */
export type RunPurpose = 'INTERVIEW' | 'DISCOVERY' | 'CODING' | 'VERIFICATION' | 'RUN'

/** What its candidates are to do: it decides their instructions and tools, and names them in the usage report. */
export type RunRole = 'interviewer' | 'planner' | 'coder' | 'verifier'

export const AgentRun = defineEntity({
  name: 'AgentRun',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id').index(),
    specId: () => p.manyToOne(Spec).mapToPk().strictNullable().fieldName('spec_id').index(),
    sprintId: () => p.manyToOne(Sprint).mapToPk().strictNullable().fieldName('sprint_id').index(),
    phaseId: () => p.manyToOne(Phase).mapToPk().strictNullable().fieldName('phase_id').index(),
    purpose: p.text().$type<RunPurpose>(),
    role: p.text().$type<RunRole>(),
    status: p.text().$type<RunStatus>(),
    failure: p.text().strictNullable(),
    /** What was said before the message; empty but for runs of their own. */
    history: p.json().$type<readonly ConversationMessage[]>(),
    message: p.text(),
    /** The commit that the result is a change of; null where there is no workspace. */
    baseCommit: p.text().strictNullable(),
    /** The tree that every candidate's workspace starts from. */
    startTree: p.text().strictNullable(),
    subagents: p.json().$type<readonly Subagent[]>(),
    judge: p.json().$type<Subagent>().strictNullable(),
    /** Anything worth saying about how it was set up, for example that one provider is not configured. */
    note: p.text().strictNullable(),
    /** The caller's own, kept as it came. */
    metadata: p.json().$type<unknown>().strictNullable(),
    /** Of a run of its own; each candidate's share is a budget besides. */
    budgetId: () => p.manyToOne(Budget).mapToPk().strictNullable().fieldName('budget_id'),
    createdById: () => p.manyToOne(Actor).mapToPk().fieldName('created_by_id'),
    /** A checkpoint; no relation, since checkpoints are of runs. */
    forkedFromId: p.uuid().strictNullable().index(),
    forkLabel: p.text().strictNullable(),
    forkReason: p.text().strictNullable(),
    /** The run whose recordings are played back where this one asks the same: what it was forked from, or what it retries. */
    replaysId: p.uuid().strictNullable(),
    deadlineAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
    finishedAt: p.datetime().strictNullable(),
  },
  indexes: [
    {
      name: 'agent_run_open_index',
      expression: `create index "agent_run_open_index" on "agent_run" ("project_id") where purpose = 'RUN' and status = 'RUNNING'`,
    },
  ],
})
export type AgentRunRow = Row<typeof AgentRun>
