import type { EntityManager } from '@mikro-orm/postgresql'
import type { ActorRow } from '../actor/actor.entity.ts'
import { includesRole, widerRole } from '../actor/viewer.ts'
import type { DiffRow } from '../diff/diff.entity.ts'
import { approvedByEvaluators } from '../diff/evaluated-changes.ts'
import type { Role } from '../errors.ts'
import { capabilities } from '../ports/code-analyzer.ts'
import type { ApprovalPolicy } from '../project/approval-policy.ts'
import type { ReviewRow } from '../review/review.entity.ts'
import { rows } from '../shared/database.ts'
import { latestResults, testsState } from '../testing/latest-results.ts'
import {
  type ApprovalState,
  approvalState,
  approvedByPeople,
  countedApprovals,
  type DiffFacts,
  permittingRules,
  stillHolds,
} from './approval.ts'
import { changeFacts } from './change-facts.ts'
import { rulesMet } from './rules-met.ts'

/** Everything the gate looks at, for one diff. */
export interface Approval {
  readonly state: ApprovalState
  readonly facts: DiffFacts
  readonly policy: ApprovalPolicy
  /** The reviews that hold now, by id. */
  readonly holding: ReadonlySet<string>
  /** Those of them that count as approvals, by id. */
  readonly counted: ReadonlySet<string>
  /** Those by people who may review now, by id. */
  readonly byReviewers: ReadonlySet<string>
  /** Those that an ADMIN gave who is one now, by id. */
  readonly byAdmins: ReadonlySet<string>
  /** Whether people alone satisfied the policy, one of them at least. */
  readonly approvedByPeople: boolean
  /** The rule by which no person is needed; null when there is none. */
  readonly permittedBy: string | null
  readonly reviews: readonly (ReviewRow & { readonly reviewer: ActorRow })[]
}

/** What of a diff's row it takes. */
export const approvalSubject = [
  'id',
  'projectId',
  'authorId',
  'requestedById',
  'sessionId',
  'safetyId',
  'files',
  'contentHash',
  'changeHash',
  'baseCommit',
  'commitMessage',
] as const
type Subject = Pick<DiffRow, (typeof approvalSubject)[number]>

/** Whoever asked for something in the sessions that diffs came of: each had a part in what their coder did. */
const sessionRequesters = async (em: EntityManager, diffs: readonly Subject[]) => {
  const sessionIds = diffs.flatMap(({ sessionId }) => sessionId ?? [])
  if (sessionIds.length === 0) return []
  return rows(em)
    .selectFrom('SessionTurn')
    .select(['sessionId', 'requestedById'])
    .distinct()
    .where('sessionId', 'in', sessionIds)
    .execute()
}

/** Reads the policy, the evaluation, the reviews and the tests of several diffs: the same few queries for any number. */
export const loadApprovals = async (
  em: EntityManager,
  diffs: readonly Subject[],
): Promise<ReadonlyMap<string, Approval>> => {
  if (diffs.length === 0) return new Map()
  const read = rows(em)
  const ids = diffs.map((diff) => diff.id)
  const asked = await sessionRequesters(em, diffs)
  const selfIdsOf = (diff: Subject): readonly string[] => [
    diff.authorId,
    ...(diff.requestedById === null ? [] : [diff.requestedById]),
    ...asked.filter(({ sessionId }) => sessionId === diff.sessionId).map(({ requestedById }) => requestedById),
  ]
  const [projects, evaluations, selves, reviews, testResults, evaluated] = await Promise.all([
    read
      .selectFrom('Project')
      .select(['id', 'policy'])
      .where(
        'id',
        'in',
        diffs.map((diff) => diff.projectId),
      )
      .execute(),
    read
      .selectFrom('SafetyEvaluation')
      .select(['id', 'evaluationHash', 'report'])
      .where(
        'id',
        'in',
        diffs.map((diff) => diff.safetyId),
      )
      .execute(),
    read.selectFrom('Actor').select(['id', 'ownerId']).where('id', 'in', diffs.flatMap(selfIdsOf)).execute(),
    read.selectFrom('Review').selectAll().where('diffId', 'in', ids).orderBy('createdAt').execute(),
    latestResults(em, ids),
    approvedByEvaluators(em, diffs),
  ])
  const reviewerIds = reviews.map((review) => review.reviewerId)
  const reviewers =
    reviewerIds.length === 0 ? [] : await read.selectFrom('Actor').selectAll().where('id', 'in', reviewerIds).execute()
  const memberships =
    reviewerIds.length === 0
      ? []
      : await read.selectFrom('Membership').selectAll().where('actorId', 'in', reviewerIds).execute()
  return new Map(
    diffs.map((diff) => {
      const project = projects.find((row) => row.id === diff.projectId)
      const evaluation = evaluations.find((row) => row.id === diff.safetyId)
      if (!project || !evaluation) throw new Error(`The diff ${diff.id} has lost its project or evaluation.`)
      const selfIds = new Set(selfIdsOf(diff))
      const selfAndOwners = selves.filter((row) => selfIds.has(row.id))
      const isPersonWith = (actor: ActorRow, role: Role): boolean => {
        const membership = memberships.find((row) => row.actorId === actor.id && row.projectId === diff.projectId)
        const held = widerRole(actor.role, membership?.role ?? null)
        return actor.kind === 'HUMAN' && actor.disabledAt === null && includesRole(held, role)
      }
      const own = reviews
        .filter((review) => review.diffId === diff.id)
        .flatMap((review) => {
          const reviewer = reviewers.find((actor) => actor.id === review.reviewerId)
          return reviewer ? [{ ...review, reviewer }] : []
        })
      const facts: DiffFacts = {
        contentHash: diff.contentHash,
        evaluationHash: evaluation.evaluationHash,
        baseCommit: diff.baseCommit,
        commitMessage: diff.commitMessage,
        selfIds: selfAndOwners.flatMap(({ id, ownerId }) => (ownerId === null ? [id] : [id, ownerId])),
        syntaxValid: evaluation.report.syntaxValid,
        addedCapabilities: capabilities.filter((capability) =>
          evaluation.report.added.some((use) => use.capability === capability),
        ),
        met: rulesMet(changeFacts(diff.files, evaluation.report), project.policy, evaluated.has(diff.id)),
        tests: testsState(testResults.filter(({ diffId }) => diffId === diff.id)),
      }
      const reviewFacts = own.map((review) => ({
        ...review,
        reviewerMayReview: isPersonWith(review.reviewer, 'REVIEWER'),
        reviewerIsAdmin: review.tokenRole === 'ADMIN' && isPersonWith(review.reviewer, 'ADMIN'),
      }))
      const approval: Approval = {
        state: approvalState(facts, project.policy, reviewFacts),
        facts,
        policy: project.policy,
        holding: new Set(own.filter((review) => stillHolds(review, facts, project.policy)).map((review) => review.id)),
        counted: new Set(countedApprovals(facts, project.policy, reviewFacts).map((review) => review.id)),
        byReviewers: new Set(reviewFacts.filter((review) => review.reviewerMayReview).map((review) => review.id)),
        byAdmins: new Set(reviewFacts.filter((review) => review.reviewerIsAdmin).map((review) => review.id)),
        approvedByPeople: approvedByPeople(facts, project.policy, reviewFacts),
        permittedBy: permittingRules(facts, project.policy)[0] ?? null,
        reviews: own,
      }
      return [diff.id, approval] as const
    }),
  )
}

/** The same for one diff. */
export const loadApproval = async (em: EntityManager, diff: Subject): Promise<Approval> => {
  const approval = (await loadApprovals(em, [diff])).get(diff.id)
  if (!approval) throw new Error(`The approval of ${diff.id} was not loaded.`)
  return approval
}
