import type { EntityManager } from '@mikro-orm/postgresql'
import DataLoader from 'dataloader'
import { administeredProjectIds, visibleProjectIds } from '../domain/actor/access.ts'
import type { ActorRow } from '../domain/actor/actor.entity.ts'
import type { ApiTokenRow } from '../domain/actor/api-token.entity.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import { type Approval, loadApprovals } from '../domain/approval/load-approval.ts'
import type { BudgetRow } from '../domain/budget/budget.entity.ts'
import { readUsage, type Usage, type UsageOwner } from '../domain/budget/read-usage.ts'
import type { PushRow } from '../domain/commit/push.entity.ts'
import type { DiffRow } from '../domain/diff/diff.entity.ts'
import { pendingDiffStatuses } from '../domain/diff/diff.status.ts'
import type { EnvironmentRow } from '../domain/environment/environment.entity.ts'
import { latestEnvironments } from '../domain/environment/latest-environments.ts'
import { type CommitOfProject, type FoundEvidence, readEvidence } from '../domain/evidence/read-evidence.ts'
import type { MembershipRow } from '../domain/project/membership.entity.ts'
import { ofUnarchivedProject } from '../domain/project/of-unarchived-project.ts'
import type { ProjectRow } from '../domain/project/project.entity.ts'
import { lastSeenTrees } from '../domain/review/diff-view.ts'
import { type IsRead, readFiles } from '../domain/review/file-mark.ts'
import { outdatedComments } from '../domain/review/outdated-comments.ts'
import type { ReviewRow } from '../domain/review/review.entity.ts'
import type { ReviewCommentRow } from '../domain/review/review-comment.entity.ts'
import { loadRisks, type RankedDiff, type RiskSubject, rankPending } from '../domain/risk/load-risk.ts'
import type { Risk } from '../domain/risk/risk.ts'
import type { AgentRunRow } from '../domain/run/agent-run.entity.ts'
import type { CandidateRow } from '../domain/run/candidate.entity.ts'
import type { CheckpointRow } from '../domain/run/checkpoint.entity.ts'
import type { DecisionRow } from '../domain/run/decision.entity.ts'
import type { ModelCallRow } from '../domain/run/model-call.entity.ts'
import { type CandidateMetrics, readMetrics } from '../domain/run/read-metrics.ts'
import { readSafety } from '../domain/run/read-safety.ts'
import type { ToolCallRow } from '../domain/run/tool-call.entity.ts'
import type { SafetyEvaluationRow } from '../domain/safety/safety-evaluation.entity.ts'
import { busySessions } from '../domain/session/busy-sessions.ts'
import type { MessageRow } from '../domain/session/message.entity.ts'
import type { SessionRow } from '../domain/session/session.entity.ts'
import type { SessionTurnRow } from '../domain/session/session-turn.entity.ts'
import { type Database, rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import type { SpecRow } from '../domain/spec/spec.entity.ts'
import type { PhaseRow } from '../domain/sprint/phase.entity.ts'
import type { SprintRow } from '../domain/sprint/sprint.entity.ts'
import { readOutputs, readResults, type TestResultHead } from '../domain/testing/read-results.ts'
import type { TestCaseRow } from '../domain/testing/test-case.entity.ts'
import type { TestResultRow, TestRunRow } from '../domain/testing/test-run.entity.ts'
import type { VersionRow } from '../domain/version/version.entity.ts'
import type { WebhookRow } from '../domain/webhook/webhook.entity.ts'
import { createPageLoader, type PageLoader } from './pages.ts'

type Table = keyof Database & string

// The table's name decides the rows' type; Kysely cannot follow a name that is a variable, so `Row` says it.
const select = (em: EntityManager, table: Table, column: string, keys: readonly string[]) =>
  rows(em)
    .selectFrom(table as 'Sprint')
    .selectAll()
    .where(column as 'id', 'in', [...keys])

const byId = <Row extends { readonly id: string }>(em: () => EntityManager, table: Table) =>
  new DataLoader<string, Row | null>(async (ids) => {
    const found = (await select(em(), table, 'id', ids).execute()) as unknown as Row[]
    const byId = new Map(found.map((row) => [row.id, row]))
    return ids.map((id) => byId.get(id) ?? null)
  })

/** All rows of each parent, in the order of a column. Only for relations that stay small. */
const byParent = <Row>(
  em: () => EntityManager,
  table: Table,
  parent: keyof Row & string,
  order: keyof Row & string,
  direction: 'asc' | 'desc' = 'asc',
) =>
  new DataLoader<string, readonly Row[]>(async (ids) => {
    const found = (await select(em(), table, parent, ids)
      .orderBy(order as 'createdAt', direction)
      .execute()) as unknown as Row[]
    const byParent = Map.groupBy(found, (row) => row[parent])
    return ids.map((id) => byParent.get(id as Row[keyof Row & string]) ?? [])
  })

/** Everything that resolvers read rows by: each asks the database once for all that wants the same. */
export interface Loaders {
  readonly em: () => EntityManager
  readonly visibleProjects: () => Promise<readonly string[] | null>
  readonly administeredProjects: () => Promise<readonly string[] | null>
  readonly actor: DataLoader<string, ActorRow | null>
  readonly apiToken: DataLoader<string, ApiTokenRow | null>
  readonly project: DataLoader<string, ProjectRow | null>
  readonly budget: DataLoader<string, BudgetRow | null>
  readonly spec: DataLoader<string, SpecRow | null>
  readonly sprint: DataLoader<string, SprintRow | null>
  readonly phase: DataLoader<string, PhaseRow | null>
  readonly session: DataLoader<string, SessionRow | null>
  readonly sessionTurn: DataLoader<string, SessionTurnRow | null>
  readonly message: DataLoader<string, MessageRow | null>
  readonly modelCall: DataLoader<string, ModelCallRow | null>
  /** Whether the agents are at work in a session, or messages wait in it. */
  readonly isBusy: DataLoader<string, boolean>
  readonly pendingDiffsOfSession: DataLoader<string, readonly DiffRow[]>
  readonly toolCallsOfScope: DataLoader<string, readonly ToolCallRow[]>
  readonly comment: DataLoader<string, ReviewCommentRow | null>
  readonly commentsOfDiff: DataLoader<string, readonly ReviewCommentRow[]>
  readonly commentsOfReview: DataLoader<string, readonly ReviewCommentRow[]>
  readonly isOutdated: DataLoader<ReviewCommentRow, boolean, string>
  readonly run: DataLoader<string, AgentRunRow | null>
  readonly candidate: DataLoader<string, CandidateRow | null>
  readonly checkpoint: DataLoader<string, CheckpointRow | null>
  readonly decision: DataLoader<string, DecisionRow | null>
  readonly diff: DataLoader<string, DiffRow | null>
  readonly review: DataLoader<string, ReviewRow | null>
  readonly reviewsOfDiff: DataLoader<string, readonly ReviewRow[]>
  readonly safety: DataLoader<string, SafetyEvaluationRow | null>
  readonly testCase: DataLoader<string, TestCaseRow | null>
  readonly testRun: DataLoader<string, TestRunRow | null>
  readonly version: DataLoader<string, VersionRow | null>
  readonly webhook: DataLoader<string, WebhookRow | null>
  /** By project: those that were not deleted. */
  readonly webhooksOf: DataLoader<string, readonly WebhookRow[]>
  /** By project: the environment that was last asked for. */
  readonly latestEnvironment: DataLoader<string, EnvironmentRow | null>
  readonly membershipsOf: DataLoader<string, readonly MembershipRow[]>
  readonly phasesOf: DataLoader<string, readonly PhaseRow[]>
  readonly runsOfPhase: DataLoader<string, readonly AgentRunRow[]>
  readonly runsOfSpec: DataLoader<string, readonly AgentRunRow[]>
  readonly candidatesOf: DataLoader<string, readonly CandidateRow[]>
  readonly checkpointsOf: DataLoader<string, readonly CheckpointRow[]>
  readonly decisionsOf: DataLoader<string, readonly DecisionRow[]>
  readonly toolCallsOf: DataLoader<string, readonly ToolCallRow[]>
  readonly testRunsOfDiff: DataLoader<string, readonly TestRunRow[]>
  readonly testRunsOfCandidate: DataLoader<string, readonly TestRunRow[]>
  readonly resultsOf: DataLoader<string, readonly TestResultHead[]>
  readonly testOutput: DataLoader<string, Pick<TestResultRow, 'stdout' | 'stderr'>>
  readonly diffsOfSprint: DataLoader<string, readonly DiffRow[]>
  readonly pushOf: DataLoader<string, readonly PushRow[]>
  readonly supersedersOf: DataLoader<string, readonly DiffRow[]>
  readonly diffByCommit: DataLoader<string, readonly DiffRow[]>
  readonly evidence: DataLoader<CommitOfProject, FoundEvidence | null, string>
  readonly metrics: DataLoader<string, CandidateMetrics>
  readonly safetyOfCandidate: DataLoader<string, SafetyEvaluationRow | null>
  readonly approval: DataLoader<DiffRow, Approval, string>
  readonly risk: DataLoader<RiskSubject, Risk, string>
  /** The diffs of these projects (null: of all) that wait for a person, worst first; their risk is what `risk` gives. */
  readonly pendingByRisk: (projectIds: readonly string[] | null) => Promise<readonly RankedDiff[]>
  /** By diff: which of its files the viewer has marked as reviewed. */
  readonly isRead: DataLoader<Pick<DiffRow, 'id' | 'baseTree'>, IsRead, string>
  /** By diff: the result tree of the earlier iteration that the viewer saw last. */
  readonly lastSeenTree: DataLoader<string, string | null>
  readonly usage: (owner: UsageOwner) => DataLoader<string, Usage>
  readonly page: PageLoader
}

export const createLoaders = (services: Services, viewer: Viewer): Loaders => {
  // Rows are read past it, and nothing stays in it: one does for all of them.
  let own: EntityManager | undefined
  const em = () => {
    own ??= services.em()
    return own
  }
  let visible: Promise<readonly string[] | null> | undefined
  let administered: Promise<readonly string[] | null> | undefined
  const risk = new DataLoader<RiskSubject, Risk, string>((diffs) => loadRisks(em(), diffs), {
    cacheKeyFn: ({ id }) => id,
  })
  const usage = new Map<UsageOwner, DataLoader<string, Usage>>()
  return {
    em,
    visibleProjects: () => {
      visible ??= visibleProjectIds(em(), viewer)
      return visible
    },
    administeredProjects: () => {
      administered ??= administeredProjectIds(em(), viewer)
      return administered
    },
    actor: byId(em, 'Actor'),
    apiToken: byId(em, 'ApiToken'),
    project: byId(em, 'Project'),
    budget: byId(em, 'Budget'),
    spec: byId(em, 'Spec'),
    sprint: byId(em, 'Sprint'),
    phase: byId(em, 'Phase'),
    session: byId(em, 'Session'),
    sessionTurn: byId(em, 'SessionTurn'),
    message: byId(em, 'Message'),
    modelCall: byId(em, 'ModelCall'),
    isBusy: new DataLoader((ids) => busySessions(em(), ids)),
    pendingDiffsOfSession: new DataLoader(async (ids) => {
      const found = (await select(em(), 'Diff', 'sessionId', ids)
        .where('status', 'in', [...pendingDiffStatuses] as never)
        .where(ofUnarchivedProject)
        .orderBy('createdAt')
        .execute()) as unknown as DiffRow[]
      return ids.map((id) => found.filter(({ sessionId }) => sessionId === id))
    }),
    toolCallsOfScope: byParent<ToolCallRow>(em, 'ToolCall', 'scope', 'createdAt'),
    comment: byId(em, 'ReviewComment'),
    commentsOfDiff: byParent<ReviewCommentRow>(em, 'ReviewComment', 'diffId', 'createdAt'),
    commentsOfReview: byParent<ReviewCommentRow>(em, 'ReviewComment', 'reviewId', 'createdAt'),
    isOutdated: new DataLoader((comments) => outdatedComments(services, comments), { cacheKeyFn: ({ id }) => id }),
    run: byId(em, 'AgentRun'),
    candidate: byId(em, 'Candidate'),
    checkpoint: byId(em, 'Checkpoint'),
    decision: byId(em, 'Decision'),
    diff: byId(em, 'Diff'),
    review: byId(em, 'Review'),
    reviewsOfDiff: byParent<ReviewRow>(em, 'Review', 'diffId', 'createdAt'),
    safety: byId(em, 'SafetyEvaluation'),
    testCase: byId(em, 'TestCase'),
    testRun: byId(em, 'TestRun'),
    version: byId(em, 'Version'),
    webhook: byId(em, 'Webhook'),
    webhooksOf: new DataLoader(async (ids) => {
      const found = (await select(em(), 'Webhook', 'projectId', ids)
        .where('deletedAt' as never, 'is', null)
        .orderBy('createdAt')
        .execute()) as unknown as WebhookRow[]
      return ids.map((id) => found.filter(({ projectId }) => projectId === id))
    }),
    latestEnvironment: new DataLoader((ids) => latestEnvironments(em(), ids)),
    membershipsOf: byParent<MembershipRow>(em, 'Membership', 'projectId', 'actorId'),
    phasesOf: byParent<PhaseRow>(em, 'Phase', 'sprintId', 'createdAt'),
    runsOfPhase: byParent<AgentRunRow>(em, 'AgentRun', 'phaseId', 'createdAt'),
    runsOfSpec: byParent<AgentRunRow>(em, 'AgentRun', 'specId', 'createdAt'),
    candidatesOf: byParent<CandidateRow>(em, 'Candidate', 'runId', 'position'),
    checkpointsOf: byParent<CheckpointRow>(em, 'Checkpoint', 'runId', 'sequence'),
    decisionsOf: byParent<DecisionRow>(em, 'Decision', 'runId', 'createdAt'),
    toolCallsOf: byParent<ToolCallRow>(em, 'ToolCall', 'candidateId', 'createdAt'),
    testRunsOfDiff: byParent<TestRunRow>(em, 'TestRun', 'diffId', 'createdAt', 'desc'),
    testRunsOfCandidate: byParent<TestRunRow>(em, 'TestRun', 'candidateId', 'createdAt', 'desc'),
    resultsOf: new DataLoader((ids) => readResults(em(), ids)),
    testOutput: new DataLoader((ids) => readOutputs(em(), ids)),
    diffsOfSprint: byParent<DiffRow>(em, 'Diff', 'sprintId', 'createdAt', 'desc'),
    pushOf: byParent<PushRow>(em, 'Push', 'diffId', 'diffId'),
    supersedersOf: byParent<DiffRow>(em, 'Diff', 'supersedesId', 'createdAt'),
    diffByCommit: byParent<DiffRow>(em, 'Diff', 'commitOid', 'createdAt'),
    evidence: new DataLoader<CommitOfProject, FoundEvidence | null, string>(
      (commits) => readEvidence(services, commits),
      { cacheKeyFn: ({ projectId, oid }) => `${projectId} ${oid}` },
    ),
    metrics: new DataLoader((ids) => readMetrics(em(), ids)),
    safetyOfCandidate: new DataLoader((ids) => readSafety(services, ids)),
    approval: new DataLoader<DiffRow, Approval, string>(
      async (diffs) => {
        const approvals = await loadApprovals(em(), diffs)
        return diffs.map((diff) => approvals.get(diff.id) ?? new Error(`The approval of ${diff.id} was not loaded.`))
      },
      { cacheKeyFn: (diff) => diff.id },
    ),
    risk,
    pendingByRisk: async (projectIds) => {
      const ranked = await rankPending(em(), projectIds)
      // What is shown of a diff is what it was ranked by.
      for (const diff of ranked) risk.prime(diff, diff.risk)
      return ranked
    },
    isRead: new DataLoader<Pick<DiffRow, 'id' | 'baseTree'>, IsRead, string>(
      (diffs) => readFiles(em(), viewer.actor.id, diffs),
      { cacheKeyFn: ({ id }) => id },
    ),
    lastSeenTree: new DataLoader((ids) => lastSeenTrees(em(), viewer.actor.id, ids)),
    usage: (owner) => {
      const known = usage.get(owner) ?? new DataLoader<string, Usage>((ids) => readUsage(em(), owner, ids))
      usage.set(owner, known)
      return known
    },
    page: createPageLoader(em),
  }
}
