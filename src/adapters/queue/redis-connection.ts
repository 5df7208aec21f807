import { Redis, type RedisOptions } from 'ioredis'

// Without what would change the types of the answers.
type Options = Omit<RedisOptions, 'replyMapping'>

/** What ioredis keeps for itself of a connection. */
interface Inside {
  /** What was under way when it broke off, and is sent again when it is back. */
  readonly prevCommandQueue: { shift(): { readonly command: { reject(error: Error): void } } | undefined } | null
  setStatus(status: 'end'): void
  flushQueue(error: Error): void
}

/**
 * A connection that is over when it is closed for good: each command is settled, and its end is told. ioredis 6.0.0
 * forgets what was under way on one that broke off when it is closed before it is back, and says of one that waits to
 * connect again not even that it has ended (https://github.com/redis/ioredis/pull/2169): a close of BullMQ's that waits
 * for the answer to a blocking command would never end.
 */
class RedisConnection extends Redis {
  override disconnect(reconnect = false): void {
    const isBetween = this.status === 'reconnecting'
    super.disconnect(reconnect)
    if (reconnect) return
    const inside = this as unknown as Inside
    const closed = new Error('Connection is closed.')
    for (let kept = inside.prevCommandQueue?.shift(); kept; kept = inside.prevCommandQueue?.shift()) {
      kept.command.reject(closed)
    }
    // No socket is there whose end would tell.
    if (!isBetween) return
    inside.setStatus('end')
    inside.flushQueue(closed)
  }
  override duplicate(override?: Partial<RedisOptions>): Redis {
    const options: Options = { ...this.options, ...override }
    return new RedisConnection(options)
  }
}

/** Connects to Redis. A command waits until it is there, and is sent again when it breaks off. */
export const openRedisConnection = (url: string, options: Options = {}): Redis =>
  new RedisConnection(url, { ...options, maxRetriesPerRequest: null })
