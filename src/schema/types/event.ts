import type { EventRow } from '../../domain/event/event.entity.ts'
import type { EventBody } from '../../domain/event/event.ts'
import { formatCursor } from '../../domain/event/event-cursor.ts'
import { globalId } from '../../domain/shared/global-id.ts'
import { builder } from '../builder.ts'
import {
  DiffStatusEnum,
  InterviewStatusEnum,
  ProviderEnum,
  RunStatusEnum,
  SprintStatusEnum,
  StepStatusEnum,
  TestRunStatusEnum,
} from '../enums.ts'
import { found } from '../found.ts'
import {
  AgentRunRef,
  CandidateRef,
  DiffRef,
  MessageRef,
  PhaseRef,
  SessionRef,
  SpecRef,
  SprintRef,
  TestRunRef,
} from '../refs.ts'

type Body<Type extends EventBody['type']> = Extract<EventBody, { type: Type }>

/** An event whose body is of one type, as its object type sees it. */
type Typed<Type extends EventBody['type']> = EventRow & { readonly body: Body<Type> }

export const EventInterface = builder.interfaceRef<EventRow>('Event').implement({
  description: 'What happened, kept in order. `cursor` resumes a subscription: nothing is missed or repeated.',
  resolveType: (event) => event.body.type,
  fields: (t) => ({
    cursor: t.string({ resolve: formatCursor }),
    at: t.field({ type: 'DateTime', resolve: (event) => event.at }),
    projectId: t.id({ resolve: (event) => globalId('Project', event.projectId) }),
  }),
})

const define = <Type extends EventBody['type']>(type: Type) => builder.objectRef<Typed<Type>>(type)

define('InterviewChanged').implement({
  description: "A planning interview's new status.",
  interfaces: [EventInterface],
  fields: (t) => ({
    spec: t.field({
      type: SpecRef,
      resolve: async ({ body }, _, { load }) => found(await load.spec.load(body.specId)),
    }),
    status: t.field({ type: InterviewStatusEnum, description: 'As it was then.', resolve: ({ body }) => body.status }),
  }),
})
define('SprintChanged').implement({
  description: "A sprint's new status.",
  interfaces: [EventInterface],
  fields: (t) => ({
    sprint: t.field({
      type: SprintRef,
      resolve: async ({ body }, _, { load }) => found(await load.sprint.load(body.sprintId)),
    }),
    status: t.field({ type: SprintStatusEnum, description: 'As it was then.', resolve: ({ body }) => body.status }),
  }),
})
define('PhaseChanged').implement({
  description: "A phase's new status.",
  interfaces: [EventInterface],
  fields: (t) => ({
    sprint: t.field({
      type: SprintRef,
      resolve: async ({ body }, _, { load }) => found(await load.sprint.load(body.sprintId)),
    }),
    phase: t.field({
      type: PhaseRef,
      resolve: async ({ body }, _, { load }) => found(await load.phase.load(body.phaseId)),
    }),
    status: t.field({ type: StepStatusEnum, description: 'As it was then.', resolve: ({ body }) => body.status }),
  }),
})
define('RunChanged').implement({
  description: 'The new status of a run outside a sprint.',
  interfaces: [EventInterface],
  fields: (t) => ({
    run: t.field({
      type: AgentRunRef,
      resolve: async ({ body }, _, { load }) => found(await load.run.load(body.runId)),
    }),
    status: t.field({ type: RunStatusEnum, description: 'As it was then.', resolve: ({ body }) => body.status }),
  }),
})
define('CheckpointReached').implement({
  description: 'A run has a new checkpoint.',
  interfaces: [EventInterface],
  fields: (t) => ({
    run: t.field({
      type: AgentRunRef,
      resolve: async ({ body }, _, { load }) => found(await load.run.load(body.runId)),
    }),
    label: t.string({ resolve: ({ body }) => body.label }),
    sequence: t.int({ resolve: ({ body }) => body.sequence }),
  }),
})
define('ToolCalled').implement({
  description: 'An agent used a tool.',
  interfaces: [EventInterface],
  fields: (t) => ({
    candidate: t.field({
      type: CandidateRef,
      resolve: async ({ body }, _, { load }) => found(await load.candidate.load(body.candidateId)),
    }),
    tool: t.string({ resolve: ({ body }) => body.tool }),
    isError: t.boolean({ resolve: ({ body }) => body.isError }),
  }),
})
define('TokensUsed').implement({
  description: 'A model answered.',
  interfaces: [EventInterface],
  fields: (t) => ({
    agent: t.string({ resolve: ({ body }) => body.agent }),
    iteration: t.int({ resolve: ({ body }) => body.iteration }),
    provider: t.field({ type: ProviderEnum, resolve: ({ body }) => body.provider }),
    model: t.string({ resolve: ({ body }) => body.model }),
    inputTokens: t.int({ resolve: ({ body }) => body.inputTokens }),
    outputTokens: t.int({ resolve: ({ body }) => body.outputTokens }),
    costUsd: t.float({ nullable: true, resolve: ({ body }) => body.costUsd }),
    rehearsal: t.boolean({ resolve: ({ body }) => body.rehearsal }),
  }),
})
define('MessageAdded').implement({
  description: 'Something was said in a session.',
  interfaces: [EventInterface],
  fields: (t) => ({
    message: t.field({
      type: MessageRef,
      resolve: async ({ body }, _, { load }) => found(await load.message.load(body.messageId)),
    }),
  }),
})
define('SessionChanged').implement({
  description:
    'A session was opened or deleted, its agents began to work, or they are done with everything that was said.',
  interfaces: [EventInterface],
  fields: (t) => ({
    session: t.field({
      type: SessionRef,
      resolve: async ({ body }, _, { load }) => found(await load.session.load(body.sessionId)),
    }),
    busy: t.boolean({ description: 'As it was then.', resolve: ({ body }) => body.busy }),
  }),
})
define('DiffChanged').implement({
  description: "A diff's new status.",
  interfaces: [EventInterface],
  fields: (t) => ({
    diff: t.field({
      type: DiffRef,
      resolve: async ({ body }, _, { load }) => found(await load.diff.load(body.diffId)),
    }),
    status: t.field({ type: DiffStatusEnum, description: 'As it was then.', resolve: ({ body }) => body.status }),
  }),
})
define('TestRunChanged').implement({
  description: 'A test run began, a test ended, or the run did.',
  interfaces: [EventInterface],
  fields: (t) => ({
    testRun: t.field({
      type: TestRunRef,
      resolve: async ({ body }, _, { load }) => found(await load.testRun.load(body.testRunId)),
    }),
    status: t.field({ type: TestRunStatusEnum, description: 'As it was then.', resolve: ({ body }) => body.status }),
    finished: t.int({ resolve: ({ body }) => body.finished }),
    total: t.int({ resolve: ({ body }) => body.total }),
  }),
})
