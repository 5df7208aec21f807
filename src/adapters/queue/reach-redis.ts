import { Redis } from 'ioredis'

const limitMs = 5_000

/** Settles when Redis answers. @throws Error when it does not, with the reason of the first try */
export const reachRedis = async (redisUrl: string): Promise<void> => {
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
    await redis.ping()
  } catch (error) {
    // The library's own words are that the connection is closed.
    throw fault ?? error
  } finally {
    redis.disconnect()
  }
}
