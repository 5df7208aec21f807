import type { DiffRow } from '../../domain/diff/diff.entity.ts'
import type { TextPiece } from '../../domain/ports/text-feed.ts'
import type { MessageRow } from '../../domain/session/message.entity.ts'
import type { SessionAgent } from '../../domain/session/session.entity.ts'
import { globalId } from '../../domain/shared/global-id.ts'
import { builder } from '../builder.ts'
import { DiffConnection, MessageConnection } from '../connections.ts'
import { DiffStatusEnum, MessageRoleEnum, TurnStatusEnum } from '../enums.ts'
import { found } from '../found.ts'
import { page } from '../pages.ts'
import { ActorRef, DiffRef, MessageRef, ProjectRef, SessionRef } from '../refs.ts'
import { visible } from '../visible.ts'
import { longText } from '../weight.ts'
import { ToolCallRef } from './tool-call.ts'
import { BudgetRef, limiting, UsageRef } from './usage.ts'

const shownAgent = ({ provider, model, rehearsal, label, instructions }: SessionAgent) => ({
  provider,
  model,
  rehearsal,
  label,
  instructions,
})

builder.node(SessionRef, {
  description: 'A conversation with a coder; each of its patches is judged by an evaluator before a person sees it.',
  id: { resolve: (session) => session.id },
  loadOne: async (id, context) => {
    const session = await context.load.session.load(id)
    return visible(context, session, session?.projectId)
  },
  fields: (t) => ({
    project: t.field({
      type: ProjectRef,
      resolve: async (session, _, { load }) => found(await load.project.load(session.projectId)),
    }),
    title: t.exposeString('title'),
    coder: t.field({
      type: 'JSON',
      description: 'Who answers: provider, model, rehearsal, label, instructions.',
      resolve: (session) => shownAgent(session.coder),
    }),
    evaluator: t.field({
      type: 'JSON',
      description: "Who judges the coder's patches, in the same form.",
      resolve: (session) => shownAgent(session.evaluator),
    }),
    busy: t.boolean({
      description: 'True while the agents are at work or a message waits its turn.',
      resolve: (session, _, { load }) => load.isBusy.load(session.id),
    }),
    messages: t.connection(
      {
        type: MessageRef,
        description: 'Oldest first.',
        resolve: (session, args, { load }) =>
          page<MessageRow>(
            load.page,
            { table: 'Message', owner: { property: 'sessionId', id: session.id }, order: 'asc' },
            args,
          ),
      },
      MessageConnection,
    ),
    diffs: t.connection(
      {
        type: DiffRef,
        description: 'Newest first, those that the evaluator rejected included.',
        args: { status: t.arg({ type: [DiffStatusEnum] }) },
        resolve: (session, { status, ...args }, { load }) =>
          page<DiffRow>(
            load.page,
            {
              table: 'Diff',
              owner: { property: 'sessionId', id: session.id },
              where: { status: status ?? null },
              order: 'desc',
            },
            args,
          ),
      },
      DiffConnection,
    ),
    pendingDiffs: t.field({
      type: [DiffRef],
      description:
        'Those that wait for a person, oldest first: everything that a reloaded page needs. None when the project is archived.',
      resolve: async (session, _, { load }) => [...(await load.pendingDiffsOfSession.load(session.id))],
    }),
    usage: t.field({ type: UsageRef, resolve: (session, _, { load }) => load.usage('sessionId').load(session.id) }),
    budget: t.field({
      type: BudgetRef,
      nullable: true,
      resolve: async (session, _, { load }) => limiting(await load.budget.load(session.budgetId)),
    }),
    createdBy: t.field({
      type: ActorRef,
      resolve: async (session, _, { load }) => found(await load.actor.load(session.createdById)),
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (session) => session.createdAt }),
    closedAt: t.field({ type: 'DateTime', nullable: true, resolve: (session) => session.closedAt }),
  }),
})

builder.node(MessageRef, {
  description: 'What was said in a session: by a person, or by an agent in a round of coder and evaluator.',
  id: { resolve: (message) => message.id },
  loadOne: async (id, context) => {
    const message = await context.load.message.load(id)
    const session = message && (await context.load.session.load(message.sessionId))
    return visible(context, message, session?.projectId)
  },
  fields: (t) => ({
    session: t.field({
      type: SessionRef,
      resolve: async (message, _, { load }) => found(await load.session.load(message.sessionId)),
    }),
    role: t.field({ type: MessageRoleEnum, resolve: (message) => message.role }),
    iteration: t.exposeInt('iteration', { description: "Evaluator round, 1 to 3; 0 for a person's message." }),
    author: t.field({
      type: ActorRef,
      nullable: true,
      description: 'The person who said it; null for an agent.',
      resolve: (message, _, { load }) => (message.authorId === null ? null : load.actor.load(message.authorId)),
    }),
    text: t.exposeString('text', {
      description: 'Of an agent: as sessionText streamed it, if nothing was lost.',
      extensions: longText,
    }),
    status: t.field({
      type: TurnStatusEnum,
      nullable: true,
      description: "Where the work on a person's message stands; null for an agent's.",
      resolve: async (message, _, { load }) =>
        message.role === 'USER' ? found(await load.sessionTurn.load(message.turnId)).status : null,
    }),
    failure: t.string({
      nullable: true,
      description:
        "Of a person's message: why the agents could not end their work on it. Of an agent's: a stable word for why it did not do its part; the text says it.",
      resolve: async (message, _, { load }) =>
        message.role === 'USER' ? found(await load.sessionTurn.load(message.turnId)).failure : message.failure,
    }),
    diff: t.field({
      type: DiffRef,
      nullable: true,
      description:
        "The change that was submitted, judged, or rejected by a person. A coder's is there once it is judged.",
      resolve: (message, _, { load }) => (message.diffId === null ? null : load.diff.load(message.diffId)),
    }),
    toolCalls: t.field({
      type: [ToolCallRef],
      description: 'What the agent did in the workspace, oldest first.',
      resolve: async (message, _, { load }) =>
        message.scope === null ? [] : [...(await load.toolCallsOfScope.load(message.scope))],
    }),
    rehearsal: t.exposeBoolean('rehearsal', { description: 'True when the built-in offline stand-in played it.' }),
    providerResponse: t.field({
      type: 'JSON',
      nullable: true,
      description: "The provider's last answer in this round, as it came. Null for a person's message.",
      extensions: longText,
      resolve: async (message, _, { load }) =>
        message.modelCallId === null ? null : ((await load.modelCall.load(message.modelCallId))?.answer?.raw ?? null),
    }),
    traceId: t.string({
      nullable: true,
      description: 'Of the trace in which the same answer was bought; null where no traces are recorded.',
      resolve: async (message, _, { load }) =>
        message.modelCallId === null ? null : ((await load.modelCall.load(message.modelCallId))?.traceId ?? null),
    }),
    usage: t.field({
      type: UsageRef,
      nullable: true,
      description: "Of all the agent's calls in this round; null for a person's message.",
      resolve: (message, _, { load }) => (message.scope === null ? null : load.usage('scope').load(message.scope)),
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (message) => message.createdAt }),
  }),
})

export const TextDeltaRef = builder.objectRef<TextPiece>('TextDelta').implement({
  description: 'Text as the model writes it. Not kept: it has no cursor and is lost on a reconnect.',
  fields: (t) => ({
    messageId: t.id({
      description: 'Of the message that it will be: node finds it once MessageAdded was sent.',
      resolve: ({ messageId }) => globalId('Message', messageId),
    }),
    agent: t.exposeString('agent', { description: 'coder or evaluator.' }),
    iteration: t.exposeInt('iteration'),
    offset: t.exposeInt('offset', {
      description:
        "Where in the message's text it belongs, in UTF-16 units. One that is less than what was received already means that a call was made again: what stands from there on is replaced.",
    }),
    text: t.exposeString('text'),
  }),
})
