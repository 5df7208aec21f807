import {
  CapacityError,
  ForbiddenError,
  InvalidTransitionError,
  NotFoundError,
  ValidationError,
} from '../domain/errors.ts'
import type { TextPiece } from '../domain/ports/text-feed.ts'
import { createSession } from '../domain/session/create-session.ts'
import { deleteSession } from '../domain/session/delete-session.ts'
import { interruptSession } from '../domain/session/interrupt-session.ts'
import { sendMessage } from '../domain/session/send-message.ts'
import type { SessionRow } from '../domain/session/session.entity.ts'
import { interruptible } from '../domain/shared/interruptible.ts'
import { builder } from '../schema/builder.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { BudgetInput, SubagentInput } from '../schema/inputs.ts'
import { MessageRef, SessionRef } from '../schema/refs.ts'
import { TextDeltaRef } from '../schema/types/session.ts'
import { visible } from '../schema/visible.ts'

const CreateSessionInput = builder.inputType('CreateSessionInput', {
  fields: (t) => ({
    projectId: t.id({ required: true }),
    title: t.string({ description: 'Named after its day when left out.' }),
    coder: t.field({ type: SubagentInput, description: 'The configured one, or a strong model, when left out.' }),
    evaluator: t.field({ type: SubagentInput, description: 'The configured one, or a small model, when left out.' }),
    budget: t.field({ type: BudgetInput }),
    clientMutationId: t.string(),
  }),
})

builder.mutationField('createSession', (t) =>
  t.field({
    type: SessionRef,
    description: 'Opens a conversation with a coder whose changes an evaluator judges.',
    args: { input: t.arg({ type: CreateSessionInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, { input }, context) => {
      const given = { ...input, projectId: localId('Project', input.projectId) }
      const id = await createSession(context.services, context.viewer, given)
      return found(await context.startOver().session.load(id))
    },
  }),
)

builder.mutationField('sendMessage', (t) =>
  t.field({
    type: MessageRef,
    description:
      "Says something in a session; answers at once with the person's message. One message is worked on at a time: a second waits its turn, in order.",
    args: {
      sessionId: t.arg.id({ required: true }),
      text: t.arg.string({ required: true }),
      clientMutationId: t.arg.string(),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError, CapacityError] },
    resolve: async (_root, { sessionId, ...args }, context) => {
      const given = { ...args, sessionId: localId('Session', sessionId) }
      const id = await sendMessage(context.services, context.viewer, given)
      return found(await context.startOver().message.load(id))
    },
  }),
)

builder.mutationField('interruptSession', (t) =>
  t.field({
    type: SessionRef,
    description:
      'Stops what the agents are doing; what they have stored stays. Messages that wait are not begun: the coder reads them with the next one. An idle session is answered as it is.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = await interruptSession(context.services, context.viewer, localId('Session', args.id))
      return found(await context.startOver().session.load(id))
    },
  }),
)

builder.mutationField('deleteSession', (t) =>
  t.field({
    type: SessionRef,
    description: 'Takes a session from view and stops what goes on in it. Its messages and diffs stay readable.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = await deleteSession(context.services, context.viewer, localId('Session', args.id))
      return found(await context.startOver().session.load(id))
    },
  }),
)

// Asking at every piece would cost more than the piece.
const recheckMs = 500

/** Ends by itself once the viewer is no longer signed in or may no longer see the project. */
async function* readText(context: GraphQLContext, session: SessionRow, signal: AbortSignal): AsyncGenerator<TextPiece> {
  const { services, standings, viewer } = context
  let checkedAt = performance.now()
  for await (const piece of services.textFeed.follow(session.id, signal)) {
    const now = performance.now()
    if (now - checkedAt >= recheckMs) {
      const standing = await standings.of(viewer)
      if (!standing || (standing.projectIds !== null && !standing.projectIds.includes(session.projectId))) return
      checkedAt = now
    }
    yield piece
  }
}

builder.subscriptionField('sessionText', (t) =>
  t.field({
    type: TextDeltaRef,
    description: "The agents' text as they write it, in all processes. Subscribe before sendMessage to miss nothing.",
    args: { sessionId: t.arg.id({ required: true }) },
    subscribe: async (_root, args, context) => {
      const sessionId = localId('Session', args.sessionId)
      const session = await context.load.session.load(sessionId)
      if (!session || !(await visible(context, session, session.projectId)))
        throw new NotFoundError('session', sessionId)
      return interruptible((signal) => readText(context, session, signal))
    },
    resolve: (piece) => piece,
  }),
)
