import { evictionPolicy } from '../../adapters/queue/eviction-policy.ts'
import { reachRedis } from '../../adapters/queue/reach-redis.ts'
import type { Config } from '../../config.ts'
import { describeFault } from '../exit.ts'
import { type Check, missing, ok } from './check.ts'
import { withoutSecrets } from './without-secrets.ts'

/** Jobs that are evicted are found again by the sweep, but late; so Redis must not evict. */
export const checkRedis = async ({ redisUrl }: Config): Promise<Check> => {
  if (redisUrl === undefined) return ok('queue', 'in the database (REDIS_URL is not set)')
  const place = withoutSecrets(redisUrl)
  try {
    const policy = evictionPolicy(await reachRedis(redisUrl, (redis) => redis.info('memory')))
    return policy === null
      ? ok('queue', `Redis at ${place}`)
      : missing('queue', `Redis at ${place} evicts keys (${policy})`, 'set maxmemory-policy noeviction in Redis')
  } catch (error) {
    return missing('queue', `${place}: ${describeFault(error, { stack: false })}`, 'start Redis, or correct REDIS_URL')
  }
}
