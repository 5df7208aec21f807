import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { endRestore } from './adapters/backup/restoring-file.ts'
import { migrate } from './adapters/db/migrate.ts'
import { keptSecret } from './adapters/secrets/kept-secret.ts'
import { awaitDatabase, awaitRedis } from './await-backends.ts'
import type { Config } from './config.ts'
import { type Context, createContext } from './context.ts'
import { ensureActors } from './domain/actor/ensure-actors.ts'
import type { Logger } from './domain/shared/services.ts'
import { healthComponents } from './health/components.ts'
import { createHealth } from './health/health.ts'
import type { RunningServer } from './http/server.ts'
import type { Running, StartOptions } from './start.ts'
import { version } from './version.ts'
import { startHeartbeat } from './workers/heartbeat.ts'
import { startMaintenanceSchedule } from './workers/maintenance-schedule.ts'
import { defaultPatience, startRecovery } from './workers/recovery.ts'
import { startWebhookSchedule } from './workers/webhook-schedule.ts'
import { type RunningJobs, startWorkerPools, type WorkerPools } from './workers/worker-pools.ts'

interface Begun {
  readonly config: Config
  readonly options: StartOptions
  readonly log: Logger
  readonly databaseUrl: string
  /** What a person should read is added. */
  readonly notices: string[]
  readonly failed: Promise<Error>
  /** What has been opened so far; it is taken over. */
  readonly stack: AsyncDisposableStack
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

/** Starts the parts of a process on its database, which is waited for. On an error the stack is left to the caller. */
export const startParts = async (begun: Begun): Promise<Running> => {
  const { config, options, log, databaseUrl, notices, failed, stack } = begun
  const waiting = { log, signal: options.signal }
  const pending = await awaitDatabase(databaseUrl, options.migrate, waiting)
  await endRestore(databaseUrl, config.dataDir)
  if (pending.length > 0) await migrate(databaseUrl, { waiting: (words) => log.warn({}, words) })
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
  // Before the pools: somebody may wait for it.
  let server: RunningServer | undefined
  if (options.api) {
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
  let workers: WorkerPools | undefined
  if (Object.keys(options.pools).length > 0) {
    const patience = options.overrides?.patience ?? defaultPatience
    stack.use(startRecovery(services, queues, patience))
    if (options.pools.maintenance) stack.use(startMaintenanceSchedule(services))
    if (options.pools.webhooks) stack.use(startWebhookSchedule(services, patience))
    workers = stack.use(await startWorkerPools(services, queues, options.pools, running))
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
