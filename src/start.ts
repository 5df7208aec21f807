import { mkdir } from 'node:fs/promises'
import { startEmbeddedPostgres } from './adapters/db/embedded-postgres.ts'
import type { Config } from './config.ts'
import type { Context, ContextOptions } from './context.ts'
import type { Provider } from './domain/ports/model-provider.ts'
import type { HealthOptions } from './health/health.ts'
import type { WebSocketLimits } from './http/limits.ts'
import type { Pool } from './jobs/job.ts'
import { createLogger } from './logger.ts'
import type { Patience } from './workers/recovery.ts'

export interface StartOptions {
  readonly api: boolean
  /** How many jobs of each pool to do at once; none: no worker. */
  readonly pools: Partial<Record<Pool, number>>
  /** Lets the rehearsal play providers without a key. */
  readonly rehearsal: boolean
  /** Otherwise it waits until somebody else has. */
  readonly migrate: boolean
  /** Ends a start that waits for the database, its migrations or Redis. */
  readonly signal?: AbortSignal
  /** What tests set otherwise. */
  readonly overrides?: Pick<
    ContextOptions,
    'rehearsalOptions' | 'retry' | 'breaker' | 'leaseMs' | 'renewMs' | 'intercept' | 'analyzerScript'
  > & {
    readonly patience?: Patience
    readonly accessCheckMs?: number
    readonly webSockets?: Partial<WebSocketLimits>
    readonly beatMs?: number
    readonly health?: HealthOptions
  }
}

export interface Running {
  /** Where the API is; empty for a worker alone. */
  readonly url: string
  readonly adminToken: string
  /** Where the metrics are, without a token; null where the configuration names no port. */
  readonly metricsUrl: string | null
  /** Where the token is kept; null when it came from the environment. */
  readonly adminTokenFile: string | null
  /** What a person should read. */
  readonly notices: readonly string[]
  /** The providers that the rehearsal plays. */
  readonly rehearsal: readonly Provider[]
  readonly context: Context
  /** Settles when something that this process needs has ended by itself. */
  readonly failed: Promise<Error>
  /** Drains, for as long as the configuration says at the most, and ends. */
  close(): Promise<void>
}

/** Nearly all that there is to load, and half of it GraphQL, which workers do without. */
const loadParts = async ({ api }: StartOptions) => {
  const [{ startParts }] = await Promise.all([import('./start-parts.ts'), api ? import('./http/server.ts') : undefined])
  return startParts
}

/**
 * Starts what the options name: the API, worker pools or both, with an embedded database where none is configured. The
 * order in which the processes of a deployment are started does not matter: each waits for what it needs.
 */
export const start = async (config: Config, options: StartOptions): Promise<Running> => {
  const log = createLogger(config.log)
  const notices: string[] = []
  await using stack = new AsyncDisposableStack()
  // Others may pass through, as the database's own user must; each secret in it is closed by itself.
  await mkdir(config.dataDir, { recursive: true, mode: 0o711 })

  let loading: ReturnType<typeof loadParts> | undefined
  const load = () => {
    loading ??= loadParts(options)
    return loading
  }
  let failed = new Promise<Error>(() => {})
  let { databaseUrl } = config
  if (databaseUrl === undefined) {
    const postgres = await startEmbeddedPostgres({
      dataDir: config.dataDir,
      log: (line) => log.debug({ postgres: line }, 'postgres'),
      // Meanwhile it starts. What cannot be loaded is told below.
      onSpawn: () => void load().catch(() => {}),
    })
    stack.defer(() => postgres.stop())
    if (postgres.notice) notices.push(postgres.notice)
    failed = postgres.ended.then((error) => error ?? new Promise<Error>(() => {}))
    databaseUrl = postgres.connectionString
  }
  const startParts = await load()
  return await startParts({ config, options, log, databaseUrl, notices, failed, stack })
}
