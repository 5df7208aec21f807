import { NotFoundError } from '../domain/errors.ts'
import type { EventRow } from '../domain/event/event.entity.ts'
import { type EventCursor, formatCursor } from '../domain/event/event-cursor.ts'
import { currentCursor, type EventFilter, findCursor } from '../domain/event/read-events.ts'
import { type HandOver, handed, type StillGiven } from '../domain/shared/handed.ts'
import { builder } from '../schema/builder.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { localId } from '../schema/ids.ts'
import { EventInterface } from '../schema/types/event.ts'
import { visible } from '../schema/visible.ts'

builder.queryField('eventCursor', (t) =>
  t.string({
    description: 'Where the event log stands now: read state, then subscribe after this.',
    resolve: async (_root, _args, { load }) => formatCursor(await currentCursor(load.em())),
  }),
)

// Asking at every event would cost as much as the event.
const recheckMs = 500

/**
 * The events after a cursor; the subscription's end ends the reading. It ends by itself once the token has expired or
 * is revoked or its actor disabled, leaves out projects that the viewer may no longer see, and takes in those that they
 * may see by now.
 */
const read =
  (context: GraphQLContext, filter: EventFilter, after: EventCursor | undefined): HandOver<EventRow> =>
  async (take, most, signal) => {
    const { feed, standings, viewer } = context
    let checkedAt = performance.now()
    let shown = filter.projectIds ?? (await context.load.visibleProjects())
    const events = feed.follow(filter, after, signal)
    const isShown = ({ projectId }: EventRow) => shown === null || shown.includes(projectId)
    const lookAgain = async (found: readonly EventRow[]) => {
      const now = performance.now()
      const standing = await standings.of(viewer)
      if (!standing) {
        await events.return(undefined)
        return []
      }
      shown = standing.projectIds
      checkedAt = now
      return found.filter(isShown)
    }
    const stillShown: StillGiven<EventRow> = (found) => {
      if (performance.now() - checkedAt >= recheckMs) return lookAgain(found)
      return found.every(isShown) ? found : found.filter(isShown)
    }
    await events.handTo((found, areShared) => {
      const takeSome = (some: readonly EventRow[]) => (some.length > 0 ? take(some, areShared, stillShown) : undefined)
      const some = stillShown(found)
      return 'then' in some ? some.then(takeSome) : takeSome(some)
    }, most)
  }

const follow = async (context: GraphQLContext, filter: EventFilter, after: string | null | undefined) => {
  const cursor = after == null ? undefined : await findCursor(context.load.em(), after)
  return handed(read(context, filter, cursor))
}

const afterDescription =
  'A cursor: of an event that was received, or eventCursor. Without it, from now on. One that is so old that events after it were removed (EVENT_RETENTION_DAYS of the server, 30 unless set otherwise) is an error with the code CURSOR_TOO_OLD: ask for eventCursor, read the state, and subscribe after that.'

builder.subscriptionField('events', (t) =>
  t.field({
    type: EventInterface,
    description: 'Everything the viewer can see, a project that they become a member of included within a second.',
    args: { after: t.arg.string({ description: afterDescription }) },
    // Of all projects: somebody can become a member of one while they listen.
    subscribe: async (_root, { after }, context) => follow(context, { projectIds: null }, after),
    resolve: (event) => event,
  }),
)

builder.subscriptionField('projectEvents', (t) =>
  t.field({
    type: EventInterface,
    description: 'Everything in a project.',
    args: { projectId: t.arg.id({ required: true }), after: t.arg.string({ description: afterDescription }) },
    subscribe: async (_root, args, context) => {
      const projectId = localId('Project', args.projectId)
      const project = await context.load.project.load(projectId)
      if (!(await visible(context, project, projectId))) throw new NotFoundError('project', projectId)
      return follow(context, { projectIds: [projectId] }, args.after)
    },
    resolve: (event) => event,
  }),
)

builder.subscriptionField('sprintEvents', (t) =>
  t.field({
    type: EventInterface,
    description: 'Everything in a sprint, its diff included.',
    args: { sprintId: t.arg.id({ required: true }), after: t.arg.string({ description: afterDescription }) },
    subscribe: async (_root, args, context) => {
      const sprintId = localId('Sprint', args.sprintId)
      const sprint = await context.load.sprint.load(sprintId)
      if (!sprint || !(await visible(context, sprint, sprint.projectId))) throw new NotFoundError('sprint', sprintId)
      return follow(context, { projectIds: [sprint.projectId], sprintId }, args.after)
    },
    resolve: (event) => event,
  }),
)

builder.subscriptionField('sessionEvents', (t) =>
  t.field({
    type: EventInterface,
    description: 'Everything in a session, its diffs included.',
    args: { sessionId: t.arg.id({ required: true }), after: t.arg.string({ description: afterDescription }) },
    subscribe: async (_root, args, context) => {
      const sessionId = localId('Session', args.sessionId)
      const session = await context.load.session.load(sessionId)
      if (!session || !(await visible(context, session, session.projectId)))
        throw new NotFoundError('session', sessionId)
      return follow(context, { projectIds: [session.projectId], sessionId }, args.after)
    },
    resolve: (event) => event,
  }),
)

builder.subscriptionField('diffEvents', (t) =>
  t.field({
    type: EventInterface,
    description: 'Everything about a diff.',
    args: { diffId: t.arg.id({ required: true }), after: t.arg.string({ description: afterDescription }) },
    subscribe: async (_root, args, context) => {
      const diffId = localId('Diff', args.diffId)
      const diff = await context.load.diff.load(diffId)
      if (!diff || !(await visible(context, diff, diff.projectId))) throw new NotFoundError('diff', diffId)
      return follow(context, { projectIds: [diff.projectId], diffId }, args.after)
    },
    resolve: (event) => event,
  }),
)
