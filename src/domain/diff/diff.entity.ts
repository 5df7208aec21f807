import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import type { ChangeKind, CommitRequest } from '../ports/git-store.ts'
import { Project } from '../project/project.entity.ts'
import type { RiskFacts } from '../risk/risk-facts.ts'
import { Candidate } from '../run/candidate.entity.ts'
import { SafetyEvaluation } from '../safety/safety-evaluation.entity.ts'
import { Session } from '../session/session.entity.ts'
import type { Row } from '../shared/row.ts'
import { Sprint } from '../sprint/sprint.entity.ts'
import type { DiffStatus } from './diff.status.ts'

export const diffOrigins = ['SPRINT', 'SESSION', 'EXTERNAL', 'REVERT'] as const
export type DiffOrigin = (typeof diffOrigins)[number]

/** One file of a diff, as the two trees show it. */
export interface DiffFile {
  readonly path: string
  readonly previousPath: string | null
  readonly kind: ChangeKind
  readonly isBinary: boolean
  readonly additions: number
  readonly deletions: number
  readonly isTest: boolean
  readonly patch: string
}

/** The commit object that a COMMITTING diff will be: made from stored values alone, so making it again gives the same id. */
export interface CommitIntent {
  readonly oid: string
  readonly from: string
  readonly committerId: string
  /** The signed statement that the message's trailer names; none in an intent of a version that made none. */
  readonly evidence?: string
  readonly request: Omit<CommitRequest, 'author' | 'committer'> & {
    readonly author: { readonly name: string; readonly email: string; readonly at: string }
    readonly committer: { readonly name: string; readonly email: string; readonly at: string }
  }
}

/** A wish to have the commit message worded anew by the evaluator. */
export interface MessageRefinement {
  /** Names the conversation with the model: another wish is another call. */
  readonly id: string
  readonly requestedById: string
  readonly instructions: string | null
  /** SHA-256 of the message that it was asked about. */
  readonly messageHash: string
  /** Why it came to nothing; null while it is under way. */
  readonly failure: { readonly code: string; readonly message: string; readonly budgetId: string | null } | null
}

/** A rebase that nobody has to ask for. */
export interface AutoRebase {
  /** The commit of the branch that the diff is to be brought to. */
  readonly head: string
  /** Why it could not; null while it is under way. It is tried again when the branch moves on. */
  readonly failure: string | null
}

export const Diff = defineEntity({
  name: 'Diff',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id'),
    origin: p.text().$type<DiffOrigin>(),
    status: p.text().$type<DiffStatus>(),
    authorId: () => p.manyToOne(Actor).mapToPk().fieldName('author_id'),
    requestedById: () => p.manyToOne(Actor).mapToPk().strictNullable().fieldName('requested_by_id'),
    candidateId: () => p.manyToOne(Candidate).mapToPk().strictNullable().fieldName('candidate_id'),
    sprintId: () => p.manyToOne(Sprint).mapToPk().strictNullable().fieldName('sprint_id').index(),
    sessionId: () => p.manyToOne(Session).mapToPk().strictNullable().fieldName('session_id').index(),
    iteration: p.integer(),
    supersedesId: () => p.manyToOne(Diff).mapToPk().strictNullable().fieldName('supersedes_id').index(),
    targetBranch: p.text(),
    baseCommit: p.text(),
    baseTree: p.text(),
    resultTree: p.text(),
    content: p.text(),
    contentHash: p.text(),
    changeHash: p.text(),
    files: p.json().$type<readonly DiffFile[]>(),
    additions: p.integer(),
    deletions: p.integer(),
    hunks: p.integer(),
    riskFacts: p.json().$type<RiskFacts>(),
    prompt: p.text().strictNullable(),
    commitMessage: p.text(),
    /** Why the evaluator approved or rejected it, or why it could not judge. */
    evaluatorReasoning: p.text().strictNullable(),
    humanFeedback: p.text().strictNullable(),
    safetyId: () => p.manyToOne(SafetyEvaluation).mapToPk().fieldName('safety_id'),
    commitIntent: p.json().$type<CommitIntent>().strictNullable(),
    commitOid: p.text().strictNullable(),
    refinement: p.json().$type<MessageRefinement>().strictNullable(),
    autoRebase: p.json().$type<AutoRebase>().strictNullable(),
    /** Where it was made; reviews and commit are parts of this trace. */
    trace: p.text().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
  indexes: [
    { name: 'diff_project_id_created_at_index', properties: ['projectId', 'createdAt'] },
    { name: 'diff_status_created_at_index', properties: ['status', 'createdAt'] },
    {
      name: 'diff_open_intent_unique',
      expression: `create unique index "diff_open_intent_unique" on "diff" ("project_id") where status = 'COMMITTING'`,
    },
    {
      name: 'diff_wishes_index',
      expression: `create index "diff_wishes_index" on "diff" ("id") where refinement is not null or auto_rebase is not null`,
    },
  ],
})
export type DiffRow = Row<typeof Diff>
