import { followEvents } from '../follow-events.ts'
import type { GraphQLClient } from '../graphql-client.ts'
import { type DemoEvent, toDemoEvent } from './demo-event.ts'
import { projectEvents } from './project-events.ts'

export interface Watch {
  /**
   * Shows each event of the project as it comes, up to and with the first that matches.
   * @throws Error when it has not come within the limit
   */
  until<Found extends DemoEvent>(
    what: string,
    limitMs: number,
    matches: (event: DemoEvent) => event is Found,
  ): Promise<Found>
  close(): Promise<void>
}

export interface WatchOptions {
  readonly client: GraphQLClient
  readonly projectId: string
  readonly after: string
  readonly signal: AbortSignal
  readonly show: (event: DemoEvent) => void
}

/** The events of a project, taken one by one by whoever waits for something: none is lost between two waits. */
export const watchProject = ({ client, projectId, after, signal, show }: WatchOptions): Watch => {
  const stop = new AbortController()
  const events = followEvents({
    client,
    subscription: projectEvents,
    variables: { projectId },
    after,
    signal: AbortSignal.any([signal, stop.signal]),
    onDropped: (error) => show({ type: 'reconnecting', reason: error.message }),
  })
  return {
    async until(what, limitMs, matches) {
      const limit = AbortSignal.timeout(limitMs)
      const either = AbortSignal.any([signal, limit])
      for (;;) {
        const next = await orAborted(events.next(), either, () =>
          signal.aborted ? signal.reason : new Error(`${what} did not come within ${Math.round(limitMs / 1_000)} s.`),
        )
        if (next.done) throw signal.aborted ? signal.reason : new Error(`The events ended before ${what}.`)
        const event = toDemoEvent(next.value)
        if (event === null) continue
        show(event)
        if (matches(event)) return event
      }
    },
    async close() {
      stop.abort()
      await events.return(undefined)
    },
  }
}

const orAborted = <Value>(promise: Promise<Value>, signal: AbortSignal, reason: () => unknown): Promise<Value> =>
  new Promise((resolve, reject) => {
    const onAbort = () => reject(reason())
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
