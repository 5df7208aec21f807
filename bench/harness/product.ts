import type { StartOptions } from '../../src/start.ts'
import { type BenchProcess, type ProcessOptions, startProcess } from './process.ts'
import type { ProductOptions, ProductReady } from './product-process.ts'

/**
 * Starts this product in a process of its own, as a deployment does, on a database that is migrated and a data directory.
 * @param part what it is of a deployment: the API alone when left out
 */
export const startProduct = (
  places: { readonly databaseUrl: string; readonly dataDir: string; readonly redisUrl?: string },
  part: Partial<StartOptions> = {},
  { env = {}, flags }: ProcessOptions = {},
): Promise<BenchProcess<ProductReady>> => {
  const options: ProductOptions = {
    env: {
      PORT: '0',
      DATABASE_URL: places.databaseUrl,
      DATA_DIR: places.dataDir,
      ...(places.redisUrl ? { REDIS_URL: places.redisUrl } : {}),
      LOG_LEVEL: 'fatal',
      DRAIN_SECONDS: '0',
      // A benchmark asks as fast as it is answered.
      RATE_LIMIT_PER_MINUTE: '0',
      ...env,
    },
    part: { api: true, pools: {}, rehearsal: true, migrate: false, ...part },
  }
  return startProcess<ProductReady>(new URL('product-process.ts', import.meta.url), options, flags ? { flags } : {})
}
