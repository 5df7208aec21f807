import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startEmbeddedPostgres } from './adapters/db/embedded-postgres.ts'
import { migrate, pendingMigrations } from './adapters/db/migrate.ts'
import { keptSecret } from './adapters/secrets/kept-secret.ts'
import type { Config } from './config.ts'
import { type Context, type ContextOptions, createContext } from './context.ts'
import { ensureActors } from './domain/actor/ensure-actors.ts'
import type { Provider } from './domain/ports/model-provider.ts'
import { checkHealth } from './health.ts'
import type { Pool } from './jobs/job.ts'
import { createLogger } from './logger.ts'
import { type RunningServer, startServer } from './server.ts'
import { version } from './version.ts'
import { startMaintenanceSchedule } from './workers/maintenance-schedule.ts'
import { defaultPatience, type Patience, startRecovery } from './workers/recovery.ts'
import { startWebhookSchedule } from './workers/webhook-schedule.ts'
import { startWorkerPools } from './workers/worker-pools.ts'

export interface StartOptions {
  readonly api: boolean
  /** How many jobs of each pool to do at once; none: no worker. */
  readonly pools: Partial<Record<Pool, number>>
  /** Lets the rehearsal play providers without a key. */
  readonly rehearsal: boolean
  readonly migrate: boolean
  /** What tests set otherwise. */
  readonly overrides?: Pick<ContextOptions, 'rehearsalOptions' | 'retry' | 'breaker' | 'leaseMs' | 'renewMs' | 'intercept'> & {
    readonly patience?: Patience
    readonly accessCheckMs?: number
  }
}

export interface Running {
  /** Where the API is; empty for a worker alone. */
  readonly url: string
  readonly adminToken: string
  /** Where the token is kept; null when it came from the environment. */
  readonly adminTokenFile: string | null
  /** What a person should read. */
  readonly notices: readonly string[]
  /** The providers that the rehearsal plays. */
  readonly rehearsal: readonly Provider[]
  readonly context: Context
  /** Settles when something that this process needs has ended by itself. */
  readonly failed: Promise<Error>
  /** Drains and ends. */
  close(): Promise<void>
}

/** Starts what the options name: the API, worker pools or both, with an embedded database where none is configured. */
export const start = async (config: Config, options: StartOptions): Promise<Running> => {
  const log = createLogger(config.logLevel)
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
  if (options.migrate) await migrate(databaseUrl)
  else {
    const pending = await pendingMigrations(databaseUrl)
    if (pending.length > 0) {
      throw new Error(`The database lacks ${pending.length} migrations: run \`countersign migrate\` first.`)
    }
  }

  const rehearse = config.rehearsal === 'always' || (config.rehearsal === 'auto' && options.rehearsal)
  const context = stack.use(
    await createContext(config, { databaseUrl, log, rehearsal: rehearse, ...options.overrides }),
  )
  const { services, queues, feed } = context
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
  const sandbox = await services.sandbox.availability()
  if (!sandbox.available) notices.push(`Tests cannot be run: ${sandbox.reason} ${sandbox.remedy}`)
  else if (sandbox.driver === 'none') notices.push('SANDBOX=none: tests run without isolation.')

  if (Object.keys(options.pools).length > 0) {
    const patience = options.overrides?.patience ?? defaultPatience
    stack.use(startRecovery(services, patience))
    if (options.pools.maintenance) stack.use(startMaintenanceSchedule(services))
    if (options.pools.webhooks) stack.use(startWebhookSchedule(services, patience))
    stack.use(await startWorkerPools(services, queues, options.pools))
  }
  let server: RunningServer | undefined
  if (options.api) {
    server = await startServer({
      services,
      feed,
      health: () => checkHealth(context),
      version,
      host: config.host,
      port: config.port,
      corsOrigins: config.corsOrigins,
      graphiql: !config.production,
      ...(options.overrides?.accessCheckMs && { accessCheckMs: options.overrides.accessCheckMs }),
    })
    const { close } = server
    stack.defer(close)
  }
  const owned = stack.move()
  let closing: Promise<void> | undefined
  return {
    url: server?.url ?? '',
    adminToken,
    adminTokenFile: tokenFile,
    notices,
    rehearsal: context.rehearsed,
    context,
    failed,
    close() {
      server?.drain()
      closing ??= owned.disposeAsync()
      return closing
    },
  }
}
