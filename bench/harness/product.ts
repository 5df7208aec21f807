import type { StartOptions } from '../../src/start.ts'
import { startHere } from './here.ts'
import { type BenchProcess, type ProcessOptions, startProcess } from './process.ts'
import type { ProductOptions, ProductReady } from './product-process.ts'

export interface ProductProcessOptions extends ProcessOptions {
  /** In this process instead, for a run in small. */
  readonly isHere?: boolean
  /** What to run instead of the source of this product: a script that takes and gives the same. */
  readonly script?: URL
}

/**
 * Starts this product in a process of its own, as a deployment does, on a database that is migrated and a data directory.
 * @param part what it is of a deployment: the API alone when left out
 */
export const startProduct = async (
  places: { readonly databaseUrl: string; readonly dataDir: string; readonly redisUrl?: string },
  part: Partial<StartOptions> = {},
  { env = {}, flags, isHere = false, script }: ProductProcessOptions = {},
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
  if (isHere) {
    const { makeProduct } = await import('./make-product.ts')
    return await startHere(makeProduct(options))
  }
  const run = script ?? new URL('product-process.ts', import.meta.url)
  return await startProcess<ProductReady>(run, options, flags ? { flags } : {})
}
