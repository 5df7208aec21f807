import { defineEntity, p } from '@mikro-orm/core'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'
import type { SafetyReport } from './evaluate-change.ts'

export const SafetyEvaluation = defineEntity({
  name: 'SafetyEvaluation',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id'),
    baseTree: p.text(),
    resultTree: p.text(),
    analyzerVersion: p.text(),
    evaluationHash: p.text(),
    report: p.json().$type<SafetyReport>(),
    createdAt: p.datetime(),
  },
  uniques: [
    {
      name: 'safety_evaluation_subject_unique',
      properties: ['projectId', 'baseTree', 'resultTree', 'analyzerVersion'],
    },
  ],
})
export type SafetyEvaluationRow = Row<typeof SafetyEvaluation>
