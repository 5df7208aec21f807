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
import { inUnarchivedProject } from '../domain/project/of-unarchived-project.ts'
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
import type { Database } from '../domain/shared/database.ts'
import { readRows } from '../domain/shared/read-rows.ts'
import { readerOf } from '../domain/shared/reader.ts'
import type { Services } from '../domain/shared/services.ts'
import type { SpecRow } from '../domain/spec/spec.entity.ts'
import type { PhaseRow } from '../domain/sprint/phase.entity.ts'
import type { SprintRow } from '../domain/sprint/sprint.entity.ts'
import { readOutputs, readResults, type TestResultHead } from '../domain/testing/read-results.ts'
import type { TestCaseRow } from '../domain/testing/test-case.entity.ts'
import type { TestResultRow, TestRunRow } from '../domain/testing/test-run.entity.ts'
import type { VersionRow } from '../domain/version/version.entity.ts'
import type { WebhookRow } from '../domain/webhook/webhook.entity.ts'
import type { Asking } from './asked-fields.ts'
import { askedRows } from './asked-rows.ts'
import { createPageLoader, type PageLoader } from './pages.ts'

type Table = keyof Database & string

/** What loaders are made of: those of one request, or of one event. */
interface Parts {
  readonly em: () => EntityManager
  readonly services: Services
  readonly viewer: Viewer
  readonly asking: Asking
  readonly load: Loaders
}
type Make<Value> = (parts: Parts) => Value

// The table's name decides the rows' type; nothing can follow a name that is a variable, so `Row` says it.
const byId =
  <Row extends { readonly id: string }>(table: Table): Make<DataLoader<string, Row | null>> =>
  ({ em, asking }) =>
    new DataLoader(async (ids) => {
      const found = await readRows<Row>(em(), askedRows(table, 'where {id} = any ($1)', asking), [ids])
      const byId = new Map(found.map((row) => [row.id, row]))
      return ids.map((id) => byId.get(id) ?? null)
    })

/** All rows of each parent, in the order of a column. Only for relations that stay small. */
const byParent = <Row>(
  table: Table,
  parent: keyof Row & string,
  order: keyof Row & string,
  direction: 'asc' | 'desc' = 'asc',
  condition = '',
): Make<DataLoader<string, readonly Row[]>> => {
  const rest = `where {${parent}} = any ($1) ${condition} order by {${order}} ${direction}`
  return ({ em, asking }) =>
    new DataLoader(async (ids) => {
      const found = await readRows<Row>(em(), askedRows(table, rest, asking), [ids])
      const byParent = Map.groupBy(found, (row) => row[parent])
      return ids.map((id) => byParent.get(id as Row[keyof Row & string]) ?? [])
    })
}

/** The same promise whenever it is asked for. */
const once = <Value>(read: () => Promise<Value>): (() => Promise<Value>) => {
  let reading: Promise<Value> | undefined
  return () => {
    reading ??= read()
    return reading
  }
}

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

const pendingStatuses = pendingDiffStatuses.map((status) => `'${status}'`).join(', ')

const makers: { readonly [Name in Exclude<keyof Loaders, 'em'>]: Make<Loaders[Name]> } = {
  visibleProjects: ({ em, viewer }) => once(() => visibleProjectIds(em(), viewer)),
  administeredProjects: ({ em, viewer }) => once(() => administeredProjectIds(em(), viewer)),
  actor: byId('Actor'),
  apiToken: byId('ApiToken'),
  project: byId('Project'),
  budget: byId('Budget'),
  spec: byId('Spec'),
  sprint: byId('Sprint'),
  phase: byId('Phase'),
  session: byId('Session'),
  sessionTurn: byId('SessionTurn'),
  message: byId('Message'),
  modelCall: byId('ModelCall'),
  isBusy: ({ em }) => new DataLoader((ids) => busySessions(em(), ids)),
  pendingDiffsOfSession: byParent<DiffRow>(
    'Diff',
    'sessionId',
    'createdAt',
    'asc',
    `and {status} in (${pendingStatuses}) and ${inUnarchivedProject}`,
  ),
  toolCallsOfScope: byParent<ToolCallRow>('ToolCall', 'scope', 'createdAt'),
  comment: byId('ReviewComment'),
  commentsOfDiff: byParent<ReviewCommentRow>('ReviewComment', 'diffId', 'createdAt'),
  commentsOfReview: byParent<ReviewCommentRow>('ReviewComment', 'reviewId', 'createdAt'),
  isOutdated: ({ services }) =>
    new DataLoader((comments) => outdatedComments(services, comments), { cacheKeyFn: ({ id }) => id }),
  run: byId('AgentRun'),
  candidate: byId('Candidate'),
  checkpoint: byId('Checkpoint'),
  decision: byId('Decision'),
  diff: byId('Diff'),
  review: byId('Review'),
  reviewsOfDiff: byParent<ReviewRow>('Review', 'diffId', 'createdAt'),
  safety: byId('SafetyEvaluation'),
  testCase: byId('TestCase'),
  testRun: byId('TestRun'),
  version: byId('Version'),
  webhook: byId('Webhook'),
  webhooksOf: byParent<WebhookRow>('Webhook', 'projectId', 'createdAt', 'asc', 'and {deletedAt} is null'),
  latestEnvironment: ({ em }) => new DataLoader((ids) => latestEnvironments(em(), ids)),
  membershipsOf: byParent<MembershipRow>('Membership', 'projectId', 'actorId'),
  phasesOf: byParent<PhaseRow>('Phase', 'sprintId', 'createdAt'),
  runsOfPhase: byParent<AgentRunRow>('AgentRun', 'phaseId', 'createdAt'),
  runsOfSpec: byParent<AgentRunRow>('AgentRun', 'specId', 'createdAt'),
  candidatesOf: byParent<CandidateRow>('Candidate', 'runId', 'position'),
  checkpointsOf: byParent<CheckpointRow>('Checkpoint', 'runId', 'sequence'),
  decisionsOf: byParent<DecisionRow>('Decision', 'runId', 'createdAt'),
  toolCallsOf: byParent<ToolCallRow>('ToolCall', 'candidateId', 'createdAt'),
  testRunsOfDiff: byParent<TestRunRow>('TestRun', 'diffId', 'createdAt', 'desc'),
  testRunsOfCandidate: byParent<TestRunRow>('TestRun', 'candidateId', 'createdAt', 'desc'),
  resultsOf: ({ em }) => new DataLoader((ids) => readResults(em(), ids)),
  testOutput: ({ em }) => new DataLoader((ids) => readOutputs(em(), ids)),
  diffsOfSprint: byParent<DiffRow>('Diff', 'sprintId', 'createdAt', 'desc'),
  pushOf: byParent<PushRow>('Push', 'diffId', 'diffId'),
  supersedersOf: byParent<DiffRow>('Diff', 'supersedesId', 'createdAt'),
  diffByCommit: byParent<DiffRow>('Diff', 'commitOid', 'createdAt'),
  evidence: ({ services }) =>
    new DataLoader<CommitOfProject, FoundEvidence | null, string>((commits) => readEvidence(services, commits), {
      cacheKeyFn: ({ projectId, oid }) => `${projectId} ${oid}`,
    }),
  metrics: ({ em }) => new DataLoader((ids) => readMetrics(em(), ids)),
  safetyOfCandidate: ({ services }) => new DataLoader((ids) => readSafety(services, ids)),
  approval: ({ em }) =>
    new DataLoader<DiffRow, Approval, string>(
      async (diffs) => {
        const approvals = await loadApprovals(em(), diffs)
        return diffs.map((diff) => approvals.get(diff.id) ?? new Error(`The approval of ${diff.id} was not loaded.`))
      },
      { cacheKeyFn: (diff) => diff.id },
    ),
  risk: ({ em }) =>
    new DataLoader<RiskSubject, Risk, string>((diffs) => loadRisks(em(), diffs), { cacheKeyFn: ({ id }) => id }),
  pendingByRisk:
    ({ em, load }) =>
    async (projectIds) => {
      const ranked = await rankPending(em(), projectIds)
      // What is shown of a diff is what it was ranked by.
      for (const diff of ranked) load.risk.prime(diff, diff.risk)
      return ranked
    },
  isRead: ({ em, viewer }) =>
    new DataLoader<Pick<DiffRow, 'id' | 'baseTree'>, IsRead, string>(
      (diffs) => readFiles(em(), viewer.actor.id, diffs),
      { cacheKeyFn: ({ id }) => id },
    ),
  lastSeenTree: ({ em, viewer }) => new DataLoader((ids) => lastSeenTrees(em(), viewer.actor.id, ids)),
  usage: ({ em }) => {
    const made = new Map<UsageOwner, DataLoader<string, Usage>>()
    return (owner) => {
      const known = made.get(owner) ?? new DataLoader<string, Usage>((ids) => readUsage(em(), owner, ids))
      made.set(owner, known)
      return known
    }
  },
  page: ({ em, asking }) => createPageLoader(em, asking),
}

/** Makes each of them when it is first asked for: a request needs a few of them. */
class MadeOnNeed {
  readonly parts: Parts
  constructor(parts: Omit<Parts, 'load'>) {
    this.parts = { ...parts, load: this as unknown as Loaders }
  }
  get em() {
    return this.parts.em
  }
}
for (const [name, make] of Object.entries<Make<unknown>>(makers)) {
  Object.defineProperty(MadeOnNeed.prototype, name, {
    get(this: MadeOnNeed) {
      const value = make(this.parts)
      Object.defineProperty(this, name, { value })
      return value
    },
  })
}

/** @param asking what the rows are read for */
export const createLoaders = (services: Services, viewer: Viewer, asking: Asking = {}): Loaders =>
  new MadeOnNeed({ em: () => readerOf(services), services, viewer, asking }) as unknown as Loaders
