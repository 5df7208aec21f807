import { inject } from 'vitest'
import './provided.ts'

/**
 * The run's Redis, shared by all tests: use key prefixes of your own. Without one, `url` is null and `reason` says
 * why; skip by it: `describe.skipIf(redis.url === null)(`on Redis${redis.note}`, ...)`.
 */
export function testRedis(): { readonly url: string | null; readonly note: string } {
  const redis = inject('redis')
  return { url: redis.url, note: redis.url === null ? ` (skipped: ${redis.reason})` : '' }
}
