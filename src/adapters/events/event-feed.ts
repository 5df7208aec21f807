import type { EntityManager } from '@mikro-orm/postgresql'
import { CursorTooOldError } from '../../domain/errors.ts'
import type { EventRow } from '../../domain/event/event.entity.ts'
import { type EventCursor, isAfter } from '../../domain/event/event-cursor.ts'
import { currentCursor, type EventFilter, requireKept } from '../../domain/event/read-events.ts'
import type { EventFeed } from '../../domain/ports/event-feed.ts'
import { type HandOver, handed } from '../../domain/shared/handed.ts'
import type { Logger } from '../../domain/shared/services.ts'
import { pageSize, readLive, readLog } from './read-log.ts'
import { createSubscribers, cursorOf, give, newSubscriber, offer, overflow, type Subscriber } from './subscriber.ts'

const defaultMaxInbox = 5_000
// Signals get lost, and a transaction that has held others back may end without one.
const idlePollMs = 250
// Most transactions that hold others back end at once; each time that they have not, it is waited twice as long.
const hiddenPollMs = 4

const nothing = { events: [], areMoreHidden: false }

/**
 * Starts reading the log at its end.
 * @param maxInbox a subscriber that is more events behind goes back to reading the log for itself
 */
export const createEventFeed = async (
  em: () => EntityManager,
  log: Logger,
  maxInbox = defaultMaxInbox,
): Promise<EventFeed> => {
  const subscribers = createSubscribers()
  let position = await currentCursor(em())
  let reading: Promise<void> | undefined
  let askedAgain = false
  let isDue = false
  let hiddenMs = hiddenPollMs
  let hiddenTimer: NodeJS.Timeout | undefined
  let closed = false

  /** This process stood still for so long that what it has yet to read was removed: each subscriber has to hear of it. */
  const startOver = async (error: unknown): Promise<typeof nothing> => {
    if (!(error instanceof CursorTooOldError)) throw error
    const before = position
    position = await currentCursor(em())
    for (const subscriber of subscribers.all) overflow(subscriber, before)
    return nothing
  }

  const readNext = async () => {
    const mustLook = isDue
    isDue = false
    const found = await readLive(em(), position)
    if (mustLook && found.events.length === 0) await requireKept(em(), position)
    return found
  }

  const lookSoon = (areMoreHidden: boolean, areSome: boolean): void => {
    if (areSome || !areMoreHidden) hiddenMs = hiddenPollMs
    if (!areMoreHidden || closed || hiddenMs >= idlePollMs) return
    hiddenTimer = setTimeout(wake, hiddenMs)
    hiddenMs *= 2
  }

  const readOn = async (): Promise<void> => {
    do {
      askedAgain = false
      clearTimeout(hiddenTimer)
      const { events, areMoreHidden } = await readNext().catch(startOver)
      lookSoon(areMoreHidden, events.length > 0)
      const last = events.at(-1)
      if (!last) continue
      const before = position
      position = cursorOf(last)
      if (events.length === pageSize) askedAgain = true
      for (const [subscriber, wanted] of subscribers.wanted(events)) offer(subscriber, wanted, before, maxInbox)
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
  const timer = setInterval(() => {
    isDue = true
    wake()
  }, idlePollMs)

  const catchUp = async (subscriber: Subscriber, isOver: () => boolean): Promise<void> => {
    const { filter, most, take } = subscriber
    subscriber.isLive = false
    for (;;) {
      const found = await readLog(em(), subscriber.cursor, filter)
      if (found.length === 0) await requireKept(em(), subscriber.cursor)
      for (let from = 0; from < found.length; from += most) {
        if (isOver()) return
        const some = found.slice(from, from + most)
        subscriber.cursor = cursorOf(some.at(-1) as EventRow)
        await take(some, false)
      }
      if (found.length < pageSize) break
    }
    subscriber.isLive = true
  }

  const serve = async (subscriber: Subscriber, isOver: () => boolean): Promise<void> => {
    await catchUp(subscriber, isOver)
    while (!isOver()) {
      const { busy, inbox, most, seen } = subscriber
      if (busy) {
        subscriber.busy = undefined
        await busy
      } else if (inbox.length > 0) await give(subscriber, inbox.splice(0, most))
      else if (subscriber.hasOverflown) {
        subscriber.hasOverflown = false
        if (seen && isAfter(seen, subscriber.cursor)) subscriber.cursor = seen
        await catchUp(subscriber, isOver)
      } else {
        await new Promise<void>((resolve) => {
          subscriber.isIdle = true
          subscriber.rouse = () => {
            subscriber.isIdle = false
            resolve()
          }
        })
      }
    }
  }

  const handOver =
    (filter: EventFilter, after: EventCursor | undefined, until: AbortSignal | undefined): HandOver<EventRow> =>
    async (take, most, left) => {
      const isOver = () => left.aborted || until?.aborted === true || closed
      const cursor = after ?? (await currentCursor(em()))
      if (isOver()) return
      const subscriber = newSubscriber({ filter, take, most, cursor })
      const leave = () => {
        subscribers.remove(subscriber)
        subscriber.rouse()
      }
      const stop = until ? AbortSignal.any([left, until]) : left
      subscribers.add(subscriber)
      stop.addEventListener('abort', leave, { once: true })
      try {
        await serve(subscriber, isOver)
      } finally {
        stop.removeEventListener('abort', leave)
        subscribers.remove(subscriber)
      }
    }

  return {
    wake,
    follow: (filter, after, signal) => handed(handOver(filter, after, signal)),
    subscribers: () => subscribers.all.size,
    position: () => position,
    async [Symbol.asyncDispose]() {
      closed = true
      clearInterval(timer)
      clearTimeout(hiddenTimer)
      for (const subscriber of subscribers.all) subscriber.rouse()
      await reading
      // One that it set meanwhile.
      clearTimeout(hiddenTimer)
    },
  }
}
