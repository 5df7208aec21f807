import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Budget } from '../budget/budget.entity.ts'
import type { Provider } from '../ports/model-provider.ts'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'

/** Who answers in a session. Chosen once: a model can read again only what it wrote itself. */
export interface SessionAgent {
  readonly provider: Provider
  readonly model: string
  readonly rehearsal: boolean
  readonly label: string | null
  /** Appended to the role's own instructions. */
  readonly instructions: string | null
}

export const Session = defineEntity({
  name: 'Session',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id'),
    title: p.text(),
    coder: p.json().$type<SessionAgent>(),
    evaluator: p.json().$type<SessionAgent>(),
    budgetId: () => p.manyToOne(Budget).mapToPk().fieldName('budget_id'),
    createdById: () => p.manyToOne(Actor).mapToPk().fieldName('created_by_id'),
    /** Of the newest message: the next one comes after it, also within one millisecond. */
    lastMessageAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
    /** Taken from view; its diffs stay readable. */
    closedAt: p.datetime().strictNullable(),
  },
  indexes: [{ name: 'session_project_id_created_at_index', properties: ['projectId', 'createdAt'] }],
})
export type SessionRow = Row<typeof Session>
