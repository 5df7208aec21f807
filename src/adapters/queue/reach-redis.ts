import { Redis } from 'ioredis'

const limitMs = 5_000

/**
 * Asks Redis something on a connection of its own, once.
 * @throws Error when it does not answer, with the reason of the first try
 */
export const reachRedis = async <Answer>(redisUrl: string, ask: (redis: Redis) => Promise<Answer>): Promise<Answer> => {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: limitMs,
    commandTimeout: limitMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  let fault: unknown
  redis.on('error', (error) => {
    fault ??= error
  })
  try {
    await redis.connect()
    return await ask(redis)
  } catch (error) {
    // The library's own words are that the connection is closed.
    throw fault ?? error
  } finally {
    redis.disconnect()
  }
}
