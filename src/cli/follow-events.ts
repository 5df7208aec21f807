import { setTimeout as delay } from 'node:timers/promises'
import { DroppedError, type GraphQLClient, type Subscription } from './graphql-client.ts'

export interface FollowOptions<Data> {
  readonly client: GraphQLClient
  /** Takes `after: String` beside the given variables. */
  readonly subscription: Subscription<Data>
  readonly variables: Readonly<Record<string, unknown>>
  /** Where to begin; never null, so that nothing between reading it and subscribing is missed. */
  readonly after: string
  readonly signal: AbortSignal
  /** Told of each lost connection before the next is tried. */
  readonly onDropped?: (error: DroppedError) => void
  /** The first wait in milliseconds; it doubles up to 20 times itself. */
  readonly firstWaitMs?: number
}

const maxTries = 8

/**
 * The events after a cursor, across lost connections: each one once, in order.
 * @throws DroppedError when several connections in a row carried nothing
 */
export async function* followEvents<Data extends { readonly cursor: string }>(
  options: FollowOptions<Data>,
): AsyncGenerator<Data> {
  const { client, subscription, variables, signal } = options
  const firstWait = options.firstWaitMs ?? 250
  let after = options.after
  for (let tries = 1; !signal.aborted; tries += 1) {
    try {
      for await (const event of client.subscribe(subscription, { ...variables, after }, signal)) {
        after = event.cursor
        tries = 0
        yield event
      }
      if (signal.aborted) return
      throw new DroppedError('The server ended the subscription.')
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof DroppedError) || tries >= maxTries) throw error
      options.onDropped?.(error)
      await delay(Math.min(firstWait * 2 ** tries, firstWait * 20), undefined, { signal }).catch(() => {})
    }
  }
}
