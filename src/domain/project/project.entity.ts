import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Budget } from '../budget/budget.entity.ts'
import type { EnvironmentDefinition } from '../environment/environment-definition.ts'
import type { ObjectFormat } from '../ports/git-store.ts'
import type { Row } from '../shared/row.ts'
import type { ApprovalPolicy } from './approval-policy.ts'
import type { ProjectStatus } from './project.status.ts'

/** Where the first commit comes from. An archive waits in a file of the data directory until it is imported. */
export type ProjectSource =
  | { readonly kind: 'EMPTY' }
  | { readonly kind: 'TEMPLATE'; readonly template: string }
  | { readonly kind: 'GIT'; readonly url: string }
  | { readonly kind: 'ARCHIVE' }

export const Project = defineEntity({
  name: 'Project',
  properties: {
    id: p.uuid().primary(),
    name: p.text(),
    status: p.text().$type<ProjectStatus>(),
    failure: p.text().strictNullable(),
    /** Null until the remote's default branch is known. */
    targetBranch: p.text().strictNullable(),
    objectFormat: p.text().$type<ObjectFormat>(),
    source: p.json().$type<ProjectSource>(),
    /** Where the target branch stood when it was last moved or looked at. */
    headCommit: p.text().strictNullable(),
    remoteUrl: p.text().strictNullable(),
    /** Sealed; see the port. */
    remoteCredential: p.text().strictNullable(),
    /** Whether a commit here is pushed to the remote. */
    pushOnCommit: p.boolean(),
    policy: p.json().$type<ApprovalPolicy>(),
    /** What its tests need beside its files. */
    environment: p.json().$type<EnvironmentDefinition>(),
    budgetId: () => p.manyToOne(Budget).mapToPk().fieldName('budget_id'),
    createdById: () => p.manyToOne(Actor).mapToPk().fieldName('created_by_id'),
    createdAt: p.datetime(),
    archivedAt: p.datetime().strictNullable(),
    /** When its repository was last packed and pruned; null when it never was. */
    maintainedAt: p.datetime().strictNullable(),
  },
  indexes: [
    {
      name: 'project_open_index',
      expression: `create index "project_open_index" on "project" ("id") where status = 'CREATING'`,
    },
  ],
})
export type ProjectRow = Row<typeof Project>
