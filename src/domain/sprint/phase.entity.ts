import { defineEntity, p } from '@mikro-orm/core'
import type { Row } from '../shared/row.ts'
import type { PhaseKind, StepStatus } from './phase.status.ts'
import { Sprint } from './sprint.entity.ts'

export const Phase = defineEntity({
  name: 'Phase',
  properties: {
    id: p.uuid().primary(),
    sprintId: () => p.manyToOne(Sprint).mapToPk().fieldName('sprint_id'),
    kind: p.text().$type<PhaseKind>(),
    iteration: p.integer(),
    attempt: p.integer(),
    status: p.text().$type<StepStatus>(),
    summary: p.text().strictNullable(),
    /** Of its work since it was last started. */
    deadlineAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
  },
  uniques: [{ name: 'phase_step_unique', properties: ['sprintId', 'iteration', 'attempt', 'kind'] }],
})
export type PhaseRow = Row<typeof Phase>
