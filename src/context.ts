import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createCodeAnalyzer } from './adapters/analyzer/pool.ts'
import { createPythonSyntaxCheck } from './adapters/analyzer/python-syntax.ts'
import { createArchiveStore } from './adapters/archives/archive-store.ts'
import { createOrm, databaseIdentity } from './adapters/db/orm.ts'
import { createEventFeed } from './adapters/events/event-feed.ts'
import { createGitStore } from './adapters/git/git-store.ts'
import { parseRemoteUrl } from './adapters/git/remote-url.ts'
import { createModels, isConfigured } from './adapters/llm/models.ts'
import { readPrices } from './adapters/llm/prices.ts'
import type { RetryOptions } from './adapters/llm/retry.ts'
import { openQueues } from './adapters/queue/queues.ts'
import { type RehearsalOptions, startRehearsal } from './adapters/rehearsal/server.ts'
import { defaultLimits } from './adapters/sandbox/default-limits.ts'
import { createSandbox } from './adapters/sandbox/select.ts'
import { sweepWorkspaces, withWorkspace } from './adapters/sandbox/workspace.ts'
import { keptSecretKey } from './adapters/secrets/kept-secret.ts'
import { createSecrets } from './adapters/secrets/secrets.ts'
import { createTemplateStore } from './adapters/templates/template-store.ts'
import type { Config } from './config.ts'
import type { EventFeed } from './domain/ports/event-feed.ts'
import type { Provider } from './domain/ports/model-provider.ts'
import type { Queues } from './domain/ports/queues.ts'
import type { Logger, Services } from './domain/shared/services.ts'
import { handlers } from './workers/handlers.ts'
import { type OutboxRelay, startOutboxRelay } from './workers/outbox-relay.ts'

/** What tests replace, and what differs between processes. */
export interface ContextOptions {
  readonly databaseUrl: string
  readonly log: Logger
  /** Whether the rehearsal plays the providers that are not configured. */
  readonly rehearsal: boolean
  readonly rehearsalOptions?: RehearsalOptions
  readonly retry?: RetryOptions
  readonly leaseMs?: number
}

/** One process's parts, built top to bottom and disposed in reverse. */
export interface Context extends AsyncDisposable {
  readonly services: Services
  readonly queues: Queues
  readonly relay: OutboxRelay
  readonly feed: EventFeed
  /** The providers that the rehearsal plays. */
  readonly rehearsed: readonly Provider[]
  /** The calls that the rehearsal was asked; empty without one. */
  readonly rehearsal: Awaited<ReturnType<typeof startRehearsal>> | undefined
}

const eventsTopic = 'events'
const defaultLeaseMs = 15_000
const syntaxCheckLimits = { ...defaultLimits.standard, wallMs: 20_000 }

/** Several calls while one is on its way become one more. */
const coalesce = (act: () => Promise<void>): (() => void) => {
  let running = false
  let again = false
  const run = () => {
    if (running) {
      again = true
      return
    }
    running = true
    void act().finally(() => {
      running = false
      if (again) {
        again = false
        run()
      }
    })
  }
  return run
}

/** Builds everything that a process of this server needs. */
export const createContext = async (config: Config, options: ContextOptions): Promise<Context> => {
  const { log } = options
  await using stack = new AsyncDisposableStack()
  const prices = readPrices(config.modelPrices ?? new URL('../prices.json', import.meta.url))
  const workspaceRoot = join(config.dataDir, 'workspaces')
  await mkdir(workspaceRoot, { recursive: true, mode: 0o700 })
  await sweepWorkspaces(workspaceRoot)

  const orm = await createOrm(options.databaseUrl)
  stack.defer(() => orm.close())
  const em = () => orm.em.fork()

  const remoteRules = {
    allowedProtocols: config.gitAllowedProtocols,
    allowedHosts: config.gitAllowedHosts,
    allowPrivateHosts: false,
  }
  const git = createGitStore({
    root: join(config.dataDir, 'repositories'),
    scratch: join(config.dataDir, 'scratch'),
    searchPath: config.searchPath,
    ...remoteRules,
  })
  stack.use(git)

  const sandbox = await createSandbox({
    driver: config.sandbox,
    docker: config.docker,
    searchPath: config.searchPath,
    hidden: [config.dataDir],
  })
  const workspaces: Services['workspaces'] = { with: (fill, use) => withWorkspace(workspaceRoot, fill, use) }
  const syntaxCheck = await createPythonSyntaxCheck((script, stdin) =>
    workspaces.with(
      async () => {},
      (workspace) =>
        sandbox.run({ argv: ['python3', '-I', '-S', '-c', script], workspace, limits: syntaxCheckLimits, stdin }),
    ),
  )
  const analyzer = createCodeAnalyzer({ syntaxCheck })
  stack.use(analyzer)

  const unconfigured = (['OPENAI', 'ANTHROPIC'] as const).filter(
    (provider) => !isConfigured(provider === 'OPENAI' ? config.openai : config.anthropic),
  )
  const rehearsal =
    options.rehearsal && unconfigured.length > 0 ? await startRehearsal(options.rehearsalOptions ?? {}) : undefined
  if (rehearsal) stack.defer(() => rehearsal.close())
  const models = createModels({ ...config, rehearsal, prices, retry: options.retry }, log)

  const { redisUrl } = config
  const deployment = await databaseIdentity(orm)
  const queues = await openQueues({ redisUrl, databaseUrl: options.databaseUrl, deployment }, log)
  stack.use(queues)
  const feed = await createEventFeed(em, log)
  stack.use(feed)
  await queues.signals.subscribe(eventsTopic, feed.wake)
  const relay = startOutboxRelay(
    em,
    queues,
    handlers.map(({ job }) => job),
    log,
  )
  stack.use(relay)

  const announce = coalesce(() => queues.signals.publish(eventsTopic))
  const services: Services = {
    em,
    clock: () => new Date(),
    log,
    wake: {
      outbox: relay.wake,
      events() {
        feed.wake()
        announce()
      },
    },
    git,
    sandbox,
    limits: defaultLimits.standard,
    workspaces,
    analyzer,
    models,
    templates: createTemplateStore(),
    archives: createArchiveStore(join(config.dataDir, 'archives')),
    secrets: createSecrets(config.secretKey ?? (await keptSecretKey(join(config.dataDir, 'secret-key')))),
    checkRemoteUrl: (url) => parseRemoteUrl(url, remoteRules),
    processName: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`,
    leaseMs: options.leaseMs ?? defaultLeaseMs,
  }
  const owned = stack.move()
  return {
    services,
    queues,
    relay,
    feed,
    rehearsed: rehearsal ? unconfigured : [],
    rehearsal,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
