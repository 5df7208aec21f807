import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { endRestore } from './adapters/backup/restoring-file.ts'
import { startEmbeddedPostgres } from './adapters/db/embedded-postgres.ts'
import { migrate } from './adapters/db/migrate.ts'
import { keptSecret } from './adapters/secrets/kept-secret.ts'
import { awaitDatabase, awaitRedis } from './await-backends.ts'
import type { Config } from './config.ts'
import { type Context, type ContextOptions, createContext } from './context.ts'
import { ensureActors } from './domain/actor/ensure-actors.ts'
import type { Provider } from './domain/ports/model-provider.ts'
import { healthComponents } from './health/components.ts'
import { createHealth, type HealthOptions } from './health/health.ts'
import type { WebSocketLimits } from './http/limits.ts'
import type { RunningServer } from './http/server.ts'
import type { Pool } from './jobs/job.ts'
import { createLogger } from './logger.ts'
import { version } from './version.ts'
import { startHeartbeat } from './workers/heartbeat.ts'
import { startMaintenanceSchedule } from './workers/maintenance-schedule.ts'
import { defaultPatience, type Patience, startRecovery } from './workers/recovery.ts'
import { startWebhookSchedule } from './workers/webhook-schedule.ts'
import { type RunningJobs, startWorkerPools, type WorkerPools } from './workers/worker-pools.ts'

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
    'rehearsalOptions' | 'retry' | 'breaker' | 'leaseMs' | 'renewMs' | 'intercept'
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

/** Serves the figures on a port of their own where the configuration names one. @returns where; null without one */
const openMetricsPort = async (
  { metrics, services: { log } }: Context,
  { metrics: { host, port } }: Config,
  stack: AsyncDisposableStack,
): Promise<string | null> => {
  if (metrics === undefined || port === undefined) return null
  const { startMetricsServer } = await import('./http/metrics.ts')
  const { url } = stack.use(await startMetricsServer(metrics, { host, port, log }))
  log.info({ url }, 'metrics are served')
  return url
}

/** The figures beside the API where there is a token for them. */
const openMetricsRoute = async ({ metrics }: Context, { metrics: { token } }: Config) => {
  if (metrics === undefined || token === undefined) return undefined
  const { metricsRoute } = await import('./http/metrics.ts')
  return metricsRoute(metrics, token)
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

  let failed = new Promise<Error>(() => {})
  let { databaseUrl } = config
  if (databaseUrl === undefined) {
    const postgres = await startEmbeddedPostgres({
      dataDir: config.dataDir,
      log: (line) => log.debug({ postgres: line }, 'postgres'),
    })
    stack.defer(() => postgres.stop())
    if (postgres.notice) notices.push(postgres.notice)
    failed = postgres.ended.then((error) => error ?? new Promise<Error>(() => {}))
    databaseUrl = postgres.connectionString
  }
  const waiting = { log, signal: options.signal }
  await awaitDatabase(databaseUrl, options.migrate, waiting)
  await endRestore(databaseUrl, config.dataDir)
  if (options.migrate) await migrate(databaseUrl, { waiting: (words) => log.warn({}, words) })
  if (config.redisUrl !== undefined) await awaitRedis(config.redisUrl, waiting)

  const rehearse = config.rehearsal === 'always' || (config.rehearsal === 'auto' && options.rehearsal)
  const context = stack.use(
    await createContext(config, { databaseUrl, log, rehearsal: rehearse, ...options.overrides }),
  )
  const { services, queues, feed } = context
  const metricsUrl = await openMetricsPort(context, config, stack)
  const tokenFile = config.adminToken === undefined ? join(config.dataDir, 'admin-token') : null
  const adminToken =
    tokenFile === null || config.adminToken !== undefined
      ? (config.adminToken ?? '')
      : await keptSecret(tokenFile, () => `csk_${randomBytes(32).toString('base64url')}`)
  await ensureActors(services, adminToken)

  for (const provider of context.rehearsed) {
    notices.push(`No key for ${provider}: the built-in offline rehearsal plays it. It is not a model.`)
  }
  if (services.models.configured.length === 0) {
    notices.push('No provider is configured: set OPENAI_API_KEY or ANTHROPIC_API_KEY, or REHEARSAL=always.')
  }
  const { api, pools } = options
  if (pools.tests) {
    const sandbox = await services.sandbox.availability()
    if (!sandbox.available) notices.push(`Tests cannot be run: ${sandbox.reason} ${sandbox.remedy}`)
    else if (sandbox.driver === 'none') notices.push('SANDBOX=none: tests run without isolation.')
  }

  const running: RunningJobs = new Map()
  // Ends after the pools, so that what is still under way is seen meanwhile.
  stack.use(await startHeartbeat(services, { api, pools, running, version, everyMs: options.overrides?.beatMs }))
  let workers: WorkerPools | undefined
  if (Object.keys(options.pools).length > 0) {
    const patience = options.overrides?.patience ?? defaultPatience
    stack.use(startRecovery(services, queues, patience))
    if (options.pools.maintenance) stack.use(startMaintenanceSchedule(services))
    if (options.pools.webhooks) stack.use(startWebhookSchedule(services, patience))
    workers = stack.use(await startWorkerPools(services, queues, options.pools, running))
  }
  let server: RunningServer | undefined
  if (options.api) {
    // Half of what is loaded is GraphQL, which workers do without.
    const { startServer } = await import('./http/server.ts')
    server = await startServer({
      services,
      feed,
      health: createHealth(
        healthComponents({ services, queues, feed, dataDir: config.dataDir, pools }),
        options.overrides?.health,
      ),
      openBoard: config.queueBoard ? context.openBoard : undefined,
      version,
      host: config.host,
      port: config.port,
      corsOrigins: config.corsOrigins,
      metrics: await openMetricsRoute(context, config),
      rules: { ...config.api, webSockets: { ...config.api.webSockets, ...options.overrides?.webSockets } },
      ...(options.overrides?.accessCheckMs && { accessCheckMs: options.overrides.accessCheckMs }),
    })
    const { close } = server
    stack.defer(close)
  }
  const owned = stack.move()
  const drainAndEnd = async (): Promise<void> => {
    const { drainMs } = config
    log.info({ drainMs, running: Object.fromEntries(running) }, 'stopping: what is under way has until the deadline')
    await Promise.all([server?.drain(drainMs), workers?.drain(drainMs)])
    await owned.disposeAsync()
  }
  let closing: Promise<void> | undefined
  return {
    url: server?.url ?? '',
    adminToken,
    metricsUrl,
    adminTokenFile: tokenFile,
    notices,
    rehearsal: context.rehearsed,
    context,
    failed,
    close() {
      closing ??= drainAndEnd()
      return closing
    },
  }
}
