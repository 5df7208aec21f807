import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { EntityManager } from '@mikro-orm/postgresql'
import { createCodeAnalyzer } from './adapters/analyzer/pool.ts'
import { createPythonSyntaxCheck } from './adapters/analyzer/python-syntax.ts'
import { createArchiveStore } from './adapters/archives/archive-store.ts'
import { createCheckouts } from './adapters/checkouts/checkouts.ts'
import { createOrm, databaseIdentity } from './adapters/db/orm.ts'
import { createEventFeed } from './adapters/events/event-feed.ts'
import { createTextFeed } from './adapters/events/text-feed.ts'
import { createSigner } from './adapters/evidence/signer.ts'
import { createModelGateway } from './adapters/gateway/model-gateway.ts'
import { createGitStore } from './adapters/git/git-store.ts'
import { parseRemoteUrl } from './adapters/git/remote-url.ts'
import type { BreakerOptions } from './adapters/llm/circuit-breaker.ts'
import { knownModels } from './adapters/llm/known-models.ts'
import { createModels, gatewayTargets, isConfigured } from './adapters/llm/models.ts'
import { type Prices, readPrices } from './adapters/llm/prices.ts'
import type { RetryOptions } from './adapters/llm/retry.ts'
import type { Exposition } from './adapters/metrics/exposition.ts'
import { measuredSandbox } from './adapters/metrics/measured-sandbox.ts'
import { type OpenedQueues, openQueues } from './adapters/queue/queues.ts'
import { type RehearsalOptions, startRehearsal } from './adapters/rehearsal/server.ts'
import { commandUser } from './adapters/sandbox/command-user.ts'
import { sweepScratch } from './adapters/sandbox/scratch.ts'
import { createSandbox } from './adapters/sandbox/select.ts'
import { sweepLayers } from './adapters/sandbox/set-up-layer.ts'
import { keptSecretKey, keptSigningKey } from './adapters/secrets/kept-secret.ts'
import { createSecrets } from './adapters/secrets/secrets.ts'
import { createTemplateStore } from './adapters/templates/template-store.ts'
import { openTracer } from './adapters/tracing/open-tracer.ts'
import { tracedSandbox } from './adapters/tracing/traced-sandbox.ts'
import { createWebhookSender } from './adapters/webhooks/webhook-sender.ts'
import type { Config } from './config.ts'
import { createHeldLeases } from './domain/lease/held-leases.ts'
import type { EventFeed } from './domain/ports/event-feed.ts'
import type { GitStore } from './domain/ports/git-store.ts'
import { unmeasured } from './domain/ports/measure.ts'
import type { Provider } from './domain/ports/model-provider.ts'
import type { Queues } from './domain/ports/queues.ts'
import { readQueuedFigures, readStoredFigures } from './domain/process/deployment-figures.ts'
import { coalesce } from './domain/shared/coalesce.ts'
import { redactor } from './domain/shared/redact-secrets.ts'
import type { Logger, Models, Services } from './domain/shared/services.ts'
import { version } from './version.ts'
import { handlers } from './workers/handlers.ts'
import { type OutboxRelay, startOutboxRelay } from './workers/outbox-relay.ts'

/** What the rows, repositories, queues and providers are written and asked through. */
interface Seams {
  readonly em: EntityManager
  readonly git: GitStore
  readonly models: Models
  readonly queues: Queues
}

/** Stands in front of each of them; tests break off there. */
export type Intercept = { readonly [Seam in keyof Seams]: (seam: Seams[Seam]) => Seams[Seam] }

/** What tests replace, and what differs between processes. */
export interface ContextOptions {
  readonly databaseUrl: string
  readonly log: Logger
  /** Whether the rehearsal plays the providers that are not configured. */
  readonly rehearsal: boolean
  readonly rehearsalOptions?: RehearsalOptions
  readonly retry?: RetryOptions
  readonly breaker?: BreakerOptions
  readonly leaseMs?: number
  readonly renewMs?: number
  readonly intercept?: Intercept
  readonly analyzerScript?: URL
}

/** One process's parts, built top to bottom and disposed in reverse. */
export interface Context extends AsyncDisposable {
  readonly services: Services
  readonly queues: Queues
  readonly openBoard: OpenedQueues['openBoard']
  readonly relay: OutboxRelay
  readonly feed: EventFeed
  /** What is counted and timed; undefined where the configuration has nobody read it. */
  readonly metrics: Exposition | undefined
  /** The providers that the rehearsal plays. */
  readonly rehearsed: readonly Provider[]
  /** The calls that the rehearsal was asked; empty without one. */
  readonly rehearsal: Awaited<ReturnType<typeof startRehearsal>> | undefined
}

const eventsTopic = 'events'
const leasesTopic = 'leases'
const defaultLeaseMs = 15_000
const defaultRenewMs = 1_000
const syntaxCheckMs = 20_000
const untouched: Intercept = {
  em: (em) => em,
  git: (git) => git,
  models: (models) => models,
  queues: (queues) => queues,
}

/** Where figures are read, they are kept; otherwise nothing that would keep them is loaded. */
const openPrometheus = async (config: Config, prices: Prices) => {
  const { metrics, openai, anthropic, judge, coder, evaluator } = config
  if (metrics.token === undefined && metrics.port === undefined) return undefined
  const [{ createPrometheus }, { createExposition }] = await Promise.all([
    import('./adapters/metrics/prometheus.ts'),
    import('./adapters/metrics/exposition.ts'),
  ])
  const configured = [openai, anthropic, judge, coder, evaluator].map((chosen) => chosen?.model)
  return { ...createPrometheus(knownModels(prices, configured)), createExposition }
}

/** The sandbox, and the Python in it: programs are asked, and others have the processor meanwhile. */
const openSandbox = async (config: Config, scratch: string) => {
  const sandbox = await createSandbox({
    driver: config.sandbox,
    docker: config.docker,
    searchPath: config.searchPath,
    hidden: [config.dataDir],
    scratch,
  })
  const syntaxCheck = await createPythonSyntaxCheck((script, stdin) =>
    sandbox.run({
      argv: ['python3', '-I', '-S', '-c', script],
      workspace: { base: null, changes: [] },
      limits: { ...config.sandboxLimits, wallMs: syntaxCheckMs },
      stdin,
    }),
  )
  return { sandbox, syntaxCheck }
}

/** Builds everything that a process of this server needs. */
export const createContext = async (config: Config, options: ContextOptions): Promise<Context> => {
  const { log, intercept = untouched } = options
  await using stack = new AsyncDisposableStack()
  const prices = readPrices(config.modelPrices ?? new URL('../prices.json', import.meta.url))
  const prometheus = await openPrometheus(config, prices)
  const measure = prometheus?.measure ?? unmeasured
  const processName = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
  const redact = redactor(config.log.secrets)
  const sender = { version, processName, redact }
  // Ends after everything that may record something.
  const { tracer } = stack.use(await openTracer(config.tracing, sender, log))
  const scratch = join(config.dataDir, 'workspaces')
  await sweepScratch(scratch)
  const layerRoot = join(config.dataDir, 'environments')
  await sweepLayers(layerRoot)

  const asked = openSandbox(config, scratch)
  // What fails before it is waited for is told first, and then too nothing goes on.
  const answered = asked.then(
    () => {},
    () => {},
  )
  stack.defer(() => answered)
  const orm = await createOrm(options.databaseUrl)
  stack.defer(() => orm.close())
  const em = () => intercept.em(orm.em.fork())

  const remoteRules = {
    allowedProtocols: config.gitAllowedProtocols,
    allowedHosts: config.gitAllowedHosts,
    allowPrivateHosts: false,
  }
  const git = intercept.git(
    createGitStore({
      root: join(config.dataDir, 'repositories'),
      scratch: join(config.dataDir, 'scratch'),
      searchPath: config.searchPath,
      ...remoteRules,
    }),
  )
  stack.use(git)

  const checkouts = await createCheckouts({
    root: join(config.dataDir, 'checkouts'),
    materialize: git.materialize,
    owner: commandUser(),
  })
  const { sandbox, syntaxCheck } = await asked
  const analyzer = createCodeAnalyzer({ syntaxCheck, script: options.analyzerScript })
  stack.use(analyzer)

  const unconfigured = (['OPENAI', 'ANTHROPIC'] as const).filter(
    (provider) => !isConfigured(provider === 'OPENAI' ? config.openai : config.anthropic),
  )
  const rehearsal =
    options.rehearsal && unconfigured.length > 0 ? await startRehearsal(options.rehearsalOptions ?? {}) : undefined
  if (rehearsal) stack.defer(() => rehearsal.close())
  const models = intercept.models(
    createModels({ ...config, rehearsal, prices, retry: options.retry, breaker: options.breaker, measure }, log),
  )
  const gateway = await createModelGateway({ targets: gatewayTargets({ ...config, rehearsal, prices }, models), log })

  const { redisUrl } = config
  const deployment = await databaseIdentity(orm)
  const opened = await openQueues({ redisUrl, databaseUrl: options.databaseUrl, deployment }, log)
  const queues = intercept.queues(opened)
  stack.use(queues)
  const feed = await createEventFeed(em, log)
  stack.use(feed)
  await queues.signals.subscribe(eventsTopic, feed.wake)
  const textFeed = stack.use(await createTextFeed(queues.messages, log))
  const heldLeases = createHeldLeases()
  await queues.signals.subscribe(leasesTopic, heldLeases.check)
  const jobs = handlers.map(({ job }) => job)
  const relay = startOutboxRelay(em, queues, jobs, log)
  stack.use(relay)

  // What is woken looks for everybody's sake: it is no part of the request or job that woke it.
  const onItsOwn = AsyncLocalStorage.snapshot()
  const announceEvents = coalesce(() => queues.signals.publish(eventsTopic))
  const announceLeases = coalesce(() => queues.signals.publish(leasesTopic))
  const services: Services = {
    em,
    clock: () => new Date(),
    log,
    measure,
    tracer,
    redact,
    wake: {
      outbox: (news) => onItsOwn(() => relay.wake(news)),
      events: () =>
        onItsOwn(() => {
          feed.wake()
          announceEvents()
        }),
      leases: () =>
        onItsOwn(() => {
          heldLeases.check()
          announceLeases()
        }),
    },
    queues,
    jobs,
    textFeed,
    git,
    sandbox: tracedSandbox(prometheus ? measuredSandbox(sandbox, measure) : sandbox, tracer),
    limits: config.sandboxLimits,
    layerDirectory: (hash) => join(layerRoot, hash),
    checkouts,
    analyzer,
    models,
    gateway,
    modelLimits: config.modelLimits,
    bounds: config.bounds,
    retention: config.retention,
    templates: createTemplateStore(),
    archives: createArchiveStore(join(config.dataDir, 'archives')),
    secrets: createSecrets(config.secretKey ?? (await keptSecretKey(join(config.dataDir, 'secret-key')))),
    webhooks: createWebhookSender({
      allowedProtocols: config.webhookAllowedProtocols,
      allowedHosts: config.webhookAllowedHosts,
      allowPrivateHosts: false,
      userAgent: `Countersign/${version}`,
    }),
    signer: createSigner(config.signingKey ?? (await keptSigningKey(join(config.dataDir, 'signing-key')))),
    checkRemoteUrl: (url) => parseRemoteUrl(url, remoteRules),
    processName,
    heldLeases,
    leaseMs: options.leaseMs ?? defaultLeaseMs,
    renewMs: options.renewMs ?? defaultRenewMs,
  }
  const metrics = prometheus?.createExposition(
    prometheus.registry,
    {
      readStored: () => readStoredFigures(services, feed.position()),
      readQueued: () => readQueuedFigures(services),
    },
    { version, log },
  )
  const owned = stack.move()
  return {
    services,
    metrics,
    queues,
    openBoard: opened.openBoard,
    relay,
    feed,
    rehearsed: rehearsal ? unconfigured : [],
    rehearsal,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
