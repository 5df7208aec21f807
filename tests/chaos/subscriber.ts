import { setTimeout as delay } from 'node:timers/promises'
import { subscribeBySse } from '../support/server-sent-events.ts'
import type { Crew } from './crew.ts'

const document = `subscription ($after: String) { events(after: $after) { __typename cursor projectId } }`

export interface SeenEvent {
  readonly type: string
  readonly cursor: string
  readonly projectId: string
}

/** Somebody who follows all events from the log's beginning, and goes on after the last one whenever the line is cut. */
export interface Subscriber {
  readonly seen: readonly SeenEvent[]
  readonly reconnections: number
  /** Settles at the next event of a project after so many that were seen of it, or after a while. */
  next(projectId: string, seen: number): Promise<void>
  /** How many events of a project were seen. */
  count(projectId: string): number
  /** Goes on until this cursor was seen, and ends. */
  endAt(cursor: string): Promise<void>
}

export const startSubscriber = (crew: Pick<Crew, 'api'>): Subscriber => {
  const seen: SeenEvent[] = []
  const counts = new Map<string, number>()
  const listeners = new Set<() => void>()
  const stop = new AbortController()
  let after = '0-0'
  let reconnections = -1
  let last: string | undefined
  const follow = async () => {
    while (!stop.signal.aborted) {
      reconnections += 1
      const connection = new AbortController()
      try {
        const server = await crew.api()
        const signal = AbortSignal.any([stop.signal, connection.signal])
        for await (const { data, errors } of subscribeBySse(server, document, { after }, signal)) {
          if (errors) throw new Error(errors[0]?.message)
          const { __typename: type, cursor, projectId } = data.events
          seen.push({ type, cursor, projectId })
          counts.set(projectId, (counts.get(projectId) ?? 0) + 1)
          after = cursor
          for (const listener of listeners) listener()
        }
      } catch {
        // The server is gone, or its database is: to be asked again.
      } finally {
        connection.abort()
      }
      await delay(100)
    }
  }
  const following = follow()
  const isThere = () => seen.some(({ cursor }) => cursor === last)
  const until = async (holds: () => boolean, limitMs: number): Promise<void> => {
    if (holds()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const listener = () => {
      if (holds()) resolve()
    }
    listeners.add(listener)
    await Promise.race([promise, delay(limitMs, undefined, { ref: false })])
    listeners.delete(listener)
  }
  return {
    seen,
    get reconnections() {
      return reconnections
    },
    count: (projectId) => counts.get(projectId) ?? 0,
    next: (projectId, before) => until(() => (counts.get(projectId) ?? 0) > before, 15_000),
    async endAt(cursor) {
      last = cursor
      await until(isThere, 60_000)
      stop.abort()
      await following
    },
  }
}
