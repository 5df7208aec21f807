import { Actor } from './actor/actor.entity.ts'
import { ApiToken } from './actor/api-token.entity.ts'
import { ClientMutation } from './actor/client-mutation.entity.ts'
import { Budget } from './budget/budget.entity.ts'
import { Push } from './commit/push.entity.ts'
import { Diff } from './diff/diff.entity.ts'
import { Environment } from './environment/environment.entity.ts'
import { EventRecord } from './event/event.entity.ts'
import { EventHorizon } from './event/event-horizon.entity.ts'
import { Lease } from './lease/lease.entity.ts'
import { OutboxEntry } from './outbox/outbox.entity.ts'
import { QueueMemory } from './outbox/queue-memory.entity.ts'
import { Process } from './process/process.entity.ts'
import { Membership } from './project/membership.entity.ts'
import { Project } from './project/project.entity.ts'
import { DiffView } from './review/diff-view.entity.ts'
import { FileMark } from './review/file-mark.entity.ts'
import { Review } from './review/review.entity.ts'
import { ReviewComment } from './review/review-comment.entity.ts'
import { AgentRun } from './run/agent-run.entity.ts'
import { Candidate } from './run/candidate.entity.ts'
import { Checkpoint } from './run/checkpoint.entity.ts'
import { Decision } from './run/decision.entity.ts'
import { ModelCall } from './run/model-call.entity.ts'
import { ToolCall } from './run/tool-call.entity.ts'
import { WaitingCall } from './run/waiting-call.entity.ts'
import { BlobAnalysis } from './safety/blob-analysis.entity.ts'
import { SafetyEvaluation } from './safety/safety-evaluation.entity.ts'
import { Message } from './session/message.entity.ts'
import { Session } from './session/session.entity.ts'
import { SessionTurn } from './session/session-turn.entity.ts'
import { Spec } from './spec/spec.entity.ts'
import { Phase } from './sprint/phase.entity.ts'
import { Sprint } from './sprint/sprint.entity.ts'
import { TestCase } from './testing/test-case.entity.ts'
import { TestDefinition } from './testing/test-definition.entity.ts'
import { TestResult, TestRun } from './testing/test-run.entity.ts'
import { BlobDigest } from './version/blob-digest.entity.ts'
import { Version } from './version/version.entity.ts'
import { Webhook } from './webhook/webhook.entity.ts'

export const entities = [
  Actor,
  AgentRun,
  ApiToken,
  BlobAnalysis,
  BlobDigest,
  Budget,
  Candidate,
  Checkpoint,
  ClientMutation,
  Decision,
  Diff,
  DiffView,
  Environment,
  EventHorizon,
  EventRecord,
  FileMark,
  Lease,
  Membership,
  Message,
  ModelCall,
  WaitingCall,
  OutboxEntry,
  Phase,
  Process,
  Project,
  Push,
  QueueMemory,
  Review,
  ReviewComment,
  SafetyEvaluation,
  Session,
  SessionTurn,
  Spec,
  Sprint,
  TestCase,
  TestDefinition,
  TestResult,
  TestRun,
  ToolCall,
  Version,
  Webhook,
] as const
