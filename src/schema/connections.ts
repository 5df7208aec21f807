import { builder } from './builder.ts'
import {
  ActorRef,
  AgentRunRef,
  ApiTokenRef,
  CommitRef,
  DiffRef,
  ManifestEntryRef,
  MessageRef,
  ProjectRef,
  SessionRef,
  SpecRef,
  SprintRef,
  TestCaseRef,
  VersionRef,
} from './refs.ts'

// One connection type for each node type, wherever the list stands.
export const ActorConnection = builder.connectionObject(
  { type: ActorRef, name: 'ActorConnection' },
  { name: 'ActorEdge' },
)
export const ApiTokenConnection = builder.connectionObject(
  { type: ApiTokenRef, name: 'ApiTokenConnection' },
  { name: 'ApiTokenEdge' },
)
export const CommitConnection = builder.connectionObject(
  { type: CommitRef, name: 'CommitConnection' },
  { name: 'CommitEdge' },
)
export const AgentRunConnection = builder.connectionObject(
  { type: AgentRunRef, name: 'AgentRunConnection' },
  { name: 'AgentRunEdge' },
)
export const DiffConnection = builder.connectionObject({ type: DiffRef, name: 'DiffConnection' }, { name: 'DiffEdge' })
export const ProjectConnection = builder.connectionObject(
  { type: ProjectRef, name: 'ProjectConnection' },
  { name: 'ProjectEdge' },
)
export const SessionConnection = builder.connectionObject(
  { type: SessionRef, name: 'SessionConnection' },
  { name: 'SessionEdge' },
)
export const MessageConnection = builder.connectionObject(
  { type: MessageRef, name: 'MessageConnection' },
  { name: 'MessageEdge' },
)
export const SpecConnection = builder.connectionObject({ type: SpecRef, name: 'SpecConnection' }, { name: 'SpecEdge' })
export const SprintConnection = builder.connectionObject(
  { type: SprintRef, name: 'SprintConnection' },
  { name: 'SprintEdge' },
)
export const TestCaseConnection = builder.connectionObject(
  { type: TestCaseRef, name: 'TestCaseConnection' },
  { name: 'TestCaseEdge' },
)
export const VersionConnection = builder.connectionObject(
  { type: VersionRef, name: 'VersionConnection' },
  { name: 'VersionEdge' },
)
export const ManifestEntryConnection = builder.connectionObject(
  { type: ManifestEntryRef, name: 'ManifestEntryConnection' },
  { name: 'ManifestEntryEdge' },
)
