import type { EventRow } from '../../domain/event/event.entity.ts'
import { type EventCursor, isAfter } from '../../domain/event/event-cursor.ts'
import { type EventFilter, matches } from '../../domain/event/read-events.ts'
import type { Take } from '../../domain/shared/handed.ts'

/** Somebody who follows the log. */
export interface Subscriber {
  readonly filter: EventFilter
  readonly take: Take<EventRow>
  /** How many events it is given at a time. */
  readonly most: number
  /** Of the events that it wants, those that it was not given yet. */
  readonly inbox: EventRow[]
  /** Whether its inbox was too small: what it missed is in the log. */
  hasOverflown: boolean
  /** Whether it has caught up with what this process reads. */
  isLive: boolean
  /** Whether it waits for events, and nothing else is to be done for it. */
  isIdle: boolean
  /** What it was given last has yet to be done with. */
  busy: Promise<void> | undefined
  /** What it was given last. */
  cursor: EventCursor
  /** A place in the log up to which it has missed nothing, where that is known to be further than its last event. */
  seen: EventCursor | undefined
  /** Wakes what was waiting for an event. */
  rouse: () => void
}

export const newSubscriber = (parts: Pick<Subscriber, 'filter' | 'take' | 'most' | 'cursor'>): Subscriber => ({
  ...parts,
  inbox: [],
  hasOverflown: false,
  isLive: false,
  isIdle: false,
  busy: undefined,
  seen: undefined,
  rouse: () => {},
})

export const cursorOf = ({ xid, id }: EventRow): EventCursor => ({ xid, id })

/** Where nothing waits for a subscriber, all that it wanted up to there was given to it. */
const noteSeen = (subscriber: Subscriber, place: EventCursor): void => {
  if (subscriber.isLive && !subscriber.hasOverflown && subscriber.inbox.length === 0) subscriber.seen = place
}

/** Gives it events that it wants, but for those that it has read by itself. */
export const give = (subscriber: Subscriber, events: readonly EventRow[]): void | Promise<void> => {
  const { cursor } = subscriber
  const [first] = events
  const unread = first && isAfter(first, cursor) ? events : events.filter((event) => isAfter(event, cursor))
  const last = unread.at(-1)
  if (!last) return
  subscriber.cursor = cursorOf(last)
  return subscriber.take(unread, true)
}

/** It goes back to reading the log for itself. */
export const overflow = (subscriber: Subscriber, before: EventCursor): void => {
  noteSeen(subscriber, before)
  subscriber.inbox.length = 0
  subscriber.hasOverflown = true
  subscriber.rouse()
}

const keep = (subscriber: Subscriber, events: readonly EventRow[], maxInbox: number): void => {
  if (subscriber.hasOverflown) return
  if (subscriber.inbox.length + events.length <= maxInbox) subscriber.inbox.push(...events)
  else {
    subscriber.inbox.length = 0
    subscriber.hasOverflown = true
  }
}

/**
 * Gives it what it wants of what was read, at once where it waits for that.
 * @param before the place after which it was read
 */
export const offer = (
  subscriber: Subscriber,
  events: readonly EventRow[],
  before: EventCursor,
  maxInbox: number,
): void => {
  noteSeen(subscriber, before)
  if (!subscriber.isIdle) {
    keep(subscriber, events, maxInbox)
    return
  }
  const { most } = subscriber
  try {
    subscriber.busy = give(subscriber, events.length > most ? events.slice(0, most) : events) ?? undefined
  } catch (error) {
    subscriber.busy = Promise.reject(error)
    // It is heard of by who waits for it.
    subscriber.busy.catch(() => {})
  }
  if (events.length > most) keep(subscriber, events.slice(most), maxInbox)
  else if (!subscriber.busy) return
  subscriber.rouse()
}

/** Subscribers, found by the projects that they want events of. */
export const createSubscribers = () => {
  const all = new Set<Subscriber>()
  const ofEverything = new Set<Subscriber>()
  const byProject = new Map<string, Set<Subscriber>>()
  return {
    all: all as ReadonlySet<Subscriber>,
    add(subscriber: Subscriber) {
      all.add(subscriber)
      const { projectIds } = subscriber.filter
      if (projectIds === null) ofEverything.add(subscriber)
      for (const projectId of projectIds ?? []) {
        const known = byProject.get(projectId)
        if (known) known.add(subscriber)
        else byProject.set(projectId, new Set([subscriber]))
      }
    },
    remove(subscriber: Subscriber) {
      all.delete(subscriber)
      ofEverything.delete(subscriber)
      for (const projectId of subscriber.filter.projectIds ?? []) {
        const known = byProject.get(projectId)
        known?.delete(subscriber)
        if (known?.size === 0) byProject.delete(projectId)
      }
    },
    /** What each wants of these, in their order; who wants nothing is left out. */
    wanted(events: readonly EventRow[]): ReadonlyMap<Subscriber, readonly EventRow[]> {
      const wanted = new Map<Subscriber, EventRow[]>()
      const ask = (subscribers: ReadonlySet<Subscriber> | undefined, event: EventRow) => {
        for (const subscriber of subscribers ?? []) {
          if (!matches(event, subscriber.filter)) continue
          const known = wanted.get(subscriber)
          if (known) known.push(event)
          else wanted.set(subscriber, [event])
        }
      }
      for (const event of events) {
        ask(byProject.get(event.projectId), event)
        ask(ofEverything, event)
      }
      return wanted
    },
  }
}
