import { join } from 'node:path'
import { createGraphQLClient, type GraphQLClient } from '../../src/cli/graphql-client.ts'
import { defaultPoolSizes } from '../../src/cli/serve.ts'
import type { BenchContext } from '../harness/benchmark.ts'
import { cpuMsOfProcess } from '../harness/cpu.ts'
import { type BenchProcess, startProcess } from '../harness/process.ts'
import { startProduct } from '../harness/product.ts'
import type { ProductReady } from '../harness/product-process.ts'
import { databaseCpuMs } from './database-cpu.ts'
import type { Slots } from './ideal-schedule.ts'
import type { ModelsReady } from './models-process.ts'

/** An API and workers in processes of their own, as a deployment has them, and models that take their time. */
export interface Deployment extends AsyncDisposable {
  readonly databaseUrl: string
  readonly client: GraphQLClient
  /** Of all workers together. */
  readonly slots: Slots
  /** What API, workers, the commands that they ran and the database have had, in milliseconds; not the models. */
  cpuMs(): Promise<number>
}

export interface DeploymentOptions {
  readonly workers: number
  readonly latencyMs: number
  /** For tests: the machine has no more for them. */
  readonly cores: number
}

export const startDeployment = async (
  context: BenchContext,
  { workers, latencyMs, cores }: DeploymentOptions,
): Promise<Deployment> => {
  await using stack = new AsyncDisposableStack()
  const databaseUrl = await context.database()
  const redisUrl = await context.redis()
  const models = stack.use(
    await startProcess<ModelsReady>(new URL('models-process.ts', import.meta.url), { latencyMs }),
  )
  const places = { databaseUrl, dataDir: join(context.directory, 'data'), ...(redisUrl ? { redisUrl } : {}) }
  const env = {
    REHEARSAL: 'never',
    OPENAI_API_KEY: 'bench',
    OPENAI_BASE_URL: models.ready.openai,
    ANTHROPIC_API_KEY: 'bench',
    ANTHROPIC_BASE_URL: models.ready.anthropic,
  }
  const { isSmall: isHere } = context
  // The first one makes what all of them share.
  const api = stack.use(await startProduct(places, {}, { env, isHere }))
  const started: BenchProcess<ProductReady>[] = await Promise.all(
    Array.from({ length: workers }, async () =>
      stack.use(await startProduct(places, { api: false, pools: defaultPoolSizes }, { env, isHere })),
    ),
  )
  const client = createGraphQLClient({
    url: api.ready.url,
    token: api.ready.token,
    signal: new AbortController().signal,
  })
  const owned = stack.move()
  return {
    databaseUrl,
    client,
    slots: {
      candidates: workers * defaultPoolSizes.candidates,
      phases: workers * defaultPoolSizes.phases,
      tests: Math.min(cores, workers * defaultPoolSizes.tests),
    },
    async cpuMs() {
      const processes = [api, ...started].reduce((sum, { pid }) => sum + cpuMsOfProcess(pid, true), 0)
      return processes + (await databaseCpuMs(databaseUrl))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
