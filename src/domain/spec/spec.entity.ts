import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'
import type { InterviewStatus, SpecStatus } from './spec.status.ts'

export const interviewModes = ['DUAL_SUBAGENT', 'SINGLE', 'STUB'] as const
export type InterviewMode = (typeof interviewModes)[number]

export interface InterviewQuestion {
  readonly key: string
  readonly question: string
  readonly rationale: string
  readonly answer: string | null
}

export const complexities = ['SIMPLE', 'STANDARD', 'COMPLEX'] as const
export interface Assessment {
  readonly complexity: (typeof complexities)[number]
  readonly rationale: string
  readonly risks: readonly string[]
}

export const Spec = defineEntity({
  name: 'Spec',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id').index(),
    title: p.text(),
    task: p.text(),
    status: p.text().$type<SpecStatus>(),
    assessment: p.json().$type<Assessment>().strictNullable(),
    maxQuestions: p.integer(),
    interviewStatus: p.text().$type<InterviewStatus>(),
    interviewMode: p.text().$type<InterviewMode>(),
    interviewFailure: p.text().strictNullable(),
    questions: p.json().$type<readonly InterviewQuestion[]>(),
    createdById: () => p.manyToOne(Actor).mapToPk().fieldName('created_by_id'),
    createdAt: p.datetime(),
  },
  indexes: [
    {
      name: 'spec_open_index',
      expression: `create index "spec_open_index" on "spec" ("project_id") where interview_status in ('QUEUED', 'RUNNING')`,
    },
  ],
})
export type SpecRow = Row<typeof Spec>
