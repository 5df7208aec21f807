import { defineEntity, p } from '@mikro-orm/core'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'
import { Spec } from '../spec/spec.entity.ts'
import { Phase } from '../sprint/phase.entity.ts'
import { Sprint } from '../sprint/sprint.entity.ts'
import type { RunStatus } from './run.status.ts'
import type { Subagent } from './subagent.ts'

export type RunPurpose = 'INTERVIEW' | 'DISCOVERY' | 'CODING' | 'VERIFICATION'

export const AgentRun = defineEntity({
  name: 'AgentRun',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id').index(),
    specId: () => p.manyToOne(Spec).mapToPk().strictNullable().fieldName('spec_id').index(),
    sprintId: () => p.manyToOne(Sprint).mapToPk().strictNullable().fieldName('sprint_id').index(),
    phaseId: () => p.manyToOne(Phase).mapToPk().strictNullable().fieldName('phase_id').index(),
    purpose: p.text().$type<RunPurpose>(),
    status: p.text().$type<RunStatus>(),
    failure: p.text().strictNullable(),
    message: p.text(),
    /** The tree that every candidate's workspace starts from. */
    startTree: p.text().strictNullable(),
    subagents: p.json().$type<readonly Subagent[]>(),
    judge: p.json().$type<Subagent>().strictNullable(),
    /** Anything worth saying about how it was set up, for example that one provider is not configured. */
    note: p.text().strictNullable(),
    createdAt: p.datetime(),
    finishedAt: p.datetime().strictNullable(),
  },
})
export type AgentRunRow = Row<typeof AgentRun>
