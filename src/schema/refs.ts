import type { ActorRow } from '../domain/actor/actor.entity.ts'
import type { ApiTokenRow } from '../domain/actor/api-token.entity.ts'
import type { DiffRow } from '../domain/diff/diff.entity.ts'
import type { CommitInfo } from '../domain/ports/git-store.ts'
import type { ProjectRow } from '../domain/project/project.entity.ts'
import type { ReviewCommentRow } from '../domain/review/review-comment.entity.ts'
import type { AgentRunRow } from '../domain/run/agent-run.entity.ts'
import type { CandidateRow } from '../domain/run/candidate.entity.ts'
import type { DecisionRow } from '../domain/run/decision.entity.ts'
import type { SafetyEvaluationRow } from '../domain/safety/safety-evaluation.entity.ts'
import type { MessageRow } from '../domain/session/message.entity.ts'
import type { SessionRow } from '../domain/session/session.entity.ts'
import type { SpecRow } from '../domain/spec/spec.entity.ts'
import type { PhaseRow } from '../domain/sprint/phase.entity.ts'
import type { SprintRow } from '../domain/sprint/sprint.entity.ts'
import type { TestCaseRow } from '../domain/testing/test-case.entity.ts'
import type { TestRunRow } from '../domain/testing/test-run.entity.ts'
import type { ManifestEntry } from '../domain/version/manifest.ts'
import type { VersionRow } from '../domain/version/version.entity.ts'
import type { WebhookRow } from '../domain/webhook/webhook.entity.ts'
import { builder } from './builder.ts'

/** A commit with the project whose repository has it. */
export interface ShownCommit extends CommitInfo {
  readonly projectId: string
}

/** A webhook, in the answer to its creation with its secret. */
export interface ShownWebhook extends WebhookRow {
  readonly issuedSecret?: string | null
}

// Names for types that refer to each other; types/<noun>.ts says what each of them has.
export const ActorRef = builder.objectRef<ActorRow>('Actor')
export const ApiTokenRef = builder.objectRef<ApiTokenRow>('ApiToken')
export const ProjectRef = builder.objectRef<ProjectRow>('Project')
export const CommitRef = builder.objectRef<ShownCommit>('Commit')
export const SpecRef = builder.objectRef<SpecRow>('Spec')
export const SprintRef = builder.objectRef<SprintRow>('Sprint')
export const PhaseRef = builder.objectRef<PhaseRow>('Phase')
export const AgentRunRef = builder.objectRef<AgentRunRow>('AgentRun')
export const CandidateRef = builder.objectRef<CandidateRow>('Candidate')
export const DecisionRef = builder.objectRef<DecisionRow>('Decision')
export const SessionRef = builder.objectRef<SessionRow>('Session')
export const MessageRef = builder.objectRef<MessageRow>('Message')
export const DiffRef = builder.objectRef<DiffRow>('Diff')
export const ReviewCommentRef = builder.objectRef<ReviewCommentRow>('ReviewComment')
export const SafetyEvaluationRef = builder.objectRef<SafetyEvaluationRow>('SafetyEvaluation')
export const TestCaseRef = builder.objectRef<TestCaseRow>('TestCase')
export const TestRunRef = builder.objectRef<TestRunRow>('TestRun')
export const VersionRef = builder.objectRef<VersionRow>('Version')
export const WebhookRef = builder.objectRef<ShownWebhook>('Webhook')
export const ManifestEntryRef = builder.objectRef<ManifestEntry>('ManifestEntry')
