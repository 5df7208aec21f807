import type { EventRow } from '../../src/domain/event/event.entity.ts'
import type { EventFeed } from '../../src/domain/ports/event-feed.ts'

/** All events of a log, read once for all who wait for one of them. */
export interface FollowedEvents {
  /** From the beginning on, and then as they come. */
  events(): AsyncGenerator<EventRow>
  stop(): void
}

export const followEvents = (feed: EventFeed): FollowedEvents => {
  const log: EventRow[] = []
  const stop = new AbortController()
  let changed = Promise.withResolvers<void>()
  let isOver = false
  let fault: unknown
  const tell = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const follow = async () => {
    for await (const event of feed.follow({ projectIds: null }, { xid: '0', id: '0' }, stop.signal)) {
      log.push(event)
      tell()
    }
  }
  follow()
    .catch((error: unknown) => {
      fault = error
    })
    .finally(() => {
      isOver = true
      tell()
    })
  return {
    async *events() {
      for (let at = 0; ; at += 1) {
        while (at === log.length && !isOver) await changed.promise
        const event = log[at]
        if (event !== undefined) yield event
        else if (fault !== undefined) throw fault
        else return
      }
    },
    stop: () => stop.abort(),
  }
}
