import { defineEntity, p } from '@mikro-orm/core'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'

export interface TestFile {
  readonly path: string
  readonly text: string
}

export const TestCase = defineEntity({
  name: 'TestCase',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id').index(),
    name: p.text(),
    command: p.json().$type<readonly string[]>(),
    quick: p.boolean(),
    timeoutMs: p.integer(),
    /** Whether it may call models, through the metered gateway. */
    allowModels: p.boolean(),
    files: p.json().$type<readonly TestFile[]>(),
    createdAt: p.datetime(),
    deletedAt: p.datetime().strictNullable(),
  },
})
export type TestCaseRow = Row<typeof TestCase>
