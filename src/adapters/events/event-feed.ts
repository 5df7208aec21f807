import type { EntityManager } from '@mikro-orm/postgresql'
import { CursorTooOldError } from '../../domain/errors.ts'
import type { EventRow } from '../../domain/event/event.entity.ts'
import { type EventCursor, isAfter } from '../../domain/event/event-cursor.ts'
import { currentCursor, type EventFilter, matches, readEvents } from '../../domain/event/read-events.ts'
import type { EventFeed } from '../../domain/ports/event-feed.ts'
import { interruptible } from '../../domain/shared/interruptible.ts'
import type { Logger } from '../../domain/shared/services.ts'

const batch = 500
const defaultMaxInbox = 5_000
// Readable only once older transactions have ended, which nobody announces.
const idlePollMs = 250

interface Subscriber {
  readonly filter: EventFilter
  /** Of the events that it wants. */
  readonly inbox: EventRow[]
  overflown: boolean
  /** Whether it has caught up with what this process reads. */
  isLive: boolean
  /** A place in the log up to which it has missed nothing, where that is known to be further than its last event. */
  seen: EventCursor | undefined
  notify: () => void
}

const cursorOf = (event: EventRow): EventCursor => ({ xid: event.xid, id: event.id })

/** Where nothing waits for a subscriber, all that it wanted up to there was given to it. */
const noteSeen = (subscriber: Subscriber, place: EventCursor): void => {
  if (subscriber.isLive && !subscriber.overflown && subscriber.inbox.length === 0) subscriber.seen = place
}

/**
 * Starts reading the log at its end.
 * @param maxInbox a subscriber that is more events behind goes back to reading the log for itself
 */
export const createEventFeed = async (
  em: () => EntityManager,
  log: Logger,
  maxInbox = defaultMaxInbox,
): Promise<EventFeed> => {
  const subscribers = new Set<Subscriber>()
  let position = await currentCursor(em())
  let reading: Promise<void> | undefined
  let askedAgain = false
  let closed = false

  /** This process stood still for so long that what it has yet to read was removed: each subscriber has to hear of it. */
  const startOver = async (error: unknown): Promise<readonly EventRow[]> => {
    if (!(error instanceof CursorTooOldError)) throw error
    const before = position
    position = await currentCursor(em())
    for (const subscriber of subscribers) {
      noteSeen(subscriber, before)
      subscriber.inbox.length = 0
      subscriber.overflown = true
      subscriber.notify()
    }
    return []
  }

  const readOn = async (): Promise<void> => {
    do {
      askedAgain = false
      const found = await readEvents(em(), position, { projectIds: null }, batch).catch(startOver)
      const last = found.at(-1)
      if (!last) continue
      const before = position
      position = cursorOf(last)
      if (found.length === batch) askedAgain = true
      for (const subscriber of subscribers) {
        // What others want costs it nothing.
        const wanted = found.filter((event) => matches(event, subscriber.filter))
        if (wanted.length === 0) continue
        noteSeen(subscriber, before)
        if (subscriber.inbox.length + wanted.length > maxInbox) {
          subscriber.inbox.length = 0
          subscriber.overflown = true
        } else if (!subscriber.overflown) subscriber.inbox.push(...wanted)
        subscriber.notify()
      }
    } while (askedAgain && !closed)
  }

  const wake = (): void => {
    askedAgain = true
    if (reading || closed) return
    reading = readOn()
      .catch((error: unknown) => log.warn({ error }, 'events could not be read; trying again'))
      .finally(() => {
        reading = undefined
        if (askedAgain) wake()
      })
  }
  const timer = setInterval(wake, idlePollMs)

  async function* catchUp(filter: EventFilter, from: EventCursor): AsyncGenerator<EventRow, EventCursor> {
    let cursor = from
    for (;;) {
      const found = await readEvents(em(), cursor, filter, batch)
      yield* found
      const last = found.at(-1)
      if (last) cursor = cursorOf(last)
      if (found.length < batch) return cursor
    }
  }

  async function* read(
    filter: EventFilter,
    after: EventCursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<EventRow> {
    const subscriber: Subscriber = {
      filter,
      inbox: [],
      overflown: false,
      isLive: false,
      seen: undefined,
      notify: () => {},
    }
    let cursor = after ?? (await currentCursor(em()))
    subscribers.add(subscriber)
    const onAbort = () => subscriber.notify()
    signal.addEventListener('abort', onAbort)
    try {
      cursor = yield* catchUp(filter, cursor)
      subscriber.isLive = true
      while (!signal.aborted && !closed) {
        const event = subscriber.inbox.shift()
        if (event) {
          if (!isAfter(cursorOf(event), cursor)) continue
          cursor = cursorOf(event)
          yield event
        } else if (subscriber.overflown) {
          subscriber.overflown = false
          subscriber.isLive = false
          if (subscriber.seen && isAfter(subscriber.seen, cursor)) cursor = subscriber.seen
          cursor = yield* catchUp(filter, cursor)
          subscriber.isLive = true
        } else {
          await new Promise<void>((resolve) => {
            subscriber.notify = resolve
            if (signal.aborted || closed) resolve()
          })
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      subscribers.delete(subscriber)
    }
  }

  const follow: EventFeed['follow'] = (filter, after, signal) =>
    interruptible((left) => read(filter, after, signal ? AbortSignal.any([signal, left]) : left))

  return {
    wake,
    follow,
    subscribers: () => subscribers.size,
    position: () => position,
    async [Symbol.asyncDispose]() {
      closed = true
      clearInterval(timer)
      for (const subscriber of subscribers) subscriber.notify()
      await reading
    },
  }
}
