import { resolve } from 'node:path'
import { z } from 'zod'
import { defaultLimits, fileLimit } from './adapters/sandbox/default-limits.ts'
import type { TracingSettings } from './adapters/tracing/open-tracer.ts'
import { imageName } from './domain/environment/image-name.ts'
import { defaultRetention, type Retention } from './domain/maintenance/retention.ts'
import type { SandboxLimits } from './domain/ports/sandbox.ts'
import { type Bounds, defaultBounds } from './domain/shared/bounds.ts'
import { defaultModelLimits, type ModelLimits } from './domain/testing/model-limits.ts'
import {
  type ApiRules,
  defaultOperationLimits,
  defaultRequestsPerMinute,
  defaultWebSocketLimits,
} from './http/limits.ts'
import type { LogSettings } from './logger.ts'

/** What was wrong with the environment: every fault at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(faults: readonly string[]) {
    super(`The configuration is not valid:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
  }
}

// An empty variable in a file means the same as none.
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional())
const withDefault = <Schema extends z.ZodType>(schema: Schema, value: string) =>
  z.preprocess((given) => (given === undefined || given === '' ? value : given), schema)
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)
const url = (protocols: RegExp, example: string) =>
  z.url({ protocol: protocols, error: `must be a URL like ${example}` })
const text = z.string().min(1)
/** Sent in a header: of a line break in it, the error that refuses the header would show the whole. */
const apiKey = z.string().regex(/^[\x21-\x7e]+$/, 'must be one line of visible ASCII characters, without spaces')
/** As OpenTelemetry writes headers: names and values, the latter as in a URL. */
const headers = list.transform((pairs, context): Readonly<Record<string, string>> => {
  try {
    return Object.fromEntries(
      pairs.map((pair) => {
        const [, name, value] = /^([\w!#$%&'*+.^`|~-]+)\s*=\s*(.+)$/.exec(pair) ?? []
        if (name === undefined || value === undefined) throw new URIError('no pair')
        return [name, decodeURIComponent(value)]
      }),
    )
  } catch {
    context.addIssue('must be pairs like name=value,other=value, with the values encoded as in a URL')
    return z.NEVER
  }
})
/** A whole number, large enough to run anything with and small enough to be counted in bytes. */
const amount = (standard: string, least: number) =>
  withDefault(z.coerce.number().int().min(least).max(1_000_000_000), standard)
const flag = z.enum(['true', 'false']).transform((word) => word === 'true')
const mebibyte = 1024 * 1024
const hour = 3_600_000
const day = 24 * hour

const familiarNames: readonly (readonly [RegExp, 'OPENAI' | 'ANTHROPIC'])[] = [
  [/^(gpt|o\d|codex|rehearsal-openai)/, 'OPENAI'],
  [/^(claude|rehearsal-anthropic)/, 'ANTHROPIC'],
]
const modelName = z.string().transform((name, context) => {
  const [, named, model] = /^(OPENAI|ANTHROPIC):(.+)$/.exec(name) ?? []
  const provider = (named as 'OPENAI' | 'ANTHROPIC') ?? familiarNames.find(([pattern]) => pattern.test(name))?.[1]
  if (provider) return { provider, model: model ?? name }
  context.addIssue('must be PROVIDER:model, like ANTHROPIC:claude-opus-5-5, unless its name begins with gpt or claude')
  return z.NEVER
})

const environment = z.object({
  PORT: withDefault(z.coerce.number().int().min(0).max(65_535), '4000'),
  HOST: withDefault(text, '127.0.0.1'),
  DATA_DIR: withDefault(text, './.countersign'),
  DATABASE_URL: optional(url(/^postgres(ql)?$/, 'postgres://user:password@host:5432/name')),
  REDIS_URL: optional(url(/^rediss?$/, 'redis://host:6379')),
  ADMIN_TOKEN: optional(z.string().min(16, 'must have at least 16 characters')),
  OPENAI_API_KEY: optional(apiKey),
  OPENAI_BASE_URL: optional(url(/^https?$/, 'https://host/v1')),
  OPENAI_MODEL: optional(text),
  ANTHROPIC_API_KEY: optional(apiKey),
  ANTHROPIC_BASE_URL: optional(url(/^https?$/, 'https://host')),
  ANTHROPIC_MODEL: optional(text),
  JUDGE_PROVIDER: optional(z.enum(['OPENAI', 'ANTHROPIC'])),
  JUDGE_MODEL: optional(text),
  SANDBOX: withDefault(z.enum(['auto', 'bubblewrap', 'docker', 'none']), 'auto'),
  SANDBOX_IMAGE: optional(z.string().regex(imageName, 'must name an image, like node:24-bookworm')),
  SANDBOX_MEMORY_MIB: amount('1024', 16),
  SANDBOX_PROCESSES: amount('256', 8),
  SANDBOX_WORKSPACE_MIB: amount('256', 1),
  SANDBOX_WORKSPACE_FILES: amount('20000', 16),
  SANDBOX_TMP_MIB: amount('64', 1),
  SANDBOX_OUTPUT_KIB: amount('1024', 1),
  DOCKER_HOST: optional(text),
  GIT_ALLOWED_PROTOCOLS: withDefault(list.pipe(z.array(z.enum(['https', 'http', 'ssh', 'file'])).min(1)), 'https,ssh'),
  GIT_ALLOWED_HOSTS: optional(z.string().toLowerCase().pipe(list)),
  WEBHOOK_ALLOWED_PROTOCOLS: withDefault(list.pipe(z.array(z.enum(['https', 'http'])).min(1)), 'https'),
  WEBHOOK_ALLOWED_HOSTS: optional(z.string().toLowerCase().pipe(list)),
  SECRET_KEY: optional(z.string().regex(/^[0-9a-f]{64}$/i, 'must be 32 bytes in hex')),
  SIGNING_KEY: optional(z.string().regex(/^[0-9a-f]{64}$/i, 'must be 32 bytes in hex')),
  QUEUE_BOARD: withDefault(z.enum(['true', 'false']), 'false'),
  CORS_ORIGINS: withDefault(list.pipe(z.array(url(/^https?$/, 'https://host'))), ''),
  GRAPHIQL: optional(flag),
  INTROSPECTION: optional(flag),
  GRAPHQL_MAX_DEPTH: amount(String(defaultOperationLimits.maxDepth), 1),
  GRAPHQL_MAX_COST: amount(String(defaultOperationLimits.maxCost), 1),
  GRAPHQL_MAX_TOKENS: amount(String(defaultOperationLimits.maxTokens), 1),
  GRAPHQL_MAX_ALIASES: amount(String(defaultOperationLimits.maxAliases), 0),
  PERSISTED_OPERATIONS: optional(text),
  PERSISTED_OPERATIONS_ONLY: withDefault(flag, 'false'),
  RATE_LIMIT_PER_MINUTE: amount(String(defaultRequestsPerMinute), 0),
  TRUST_PROXY: withDefault(z.coerce.number().int().min(0).max(10), '0'),
  WEBSOCKET_IDLE_SECONDS: withDefault(
    z.coerce.number().int().min(1).max(86_400),
    String(defaultWebSocketLimits.idleMs / 1_000),
  ),
  WEBSOCKET_MAX_PER_TOKEN: amount(String(defaultWebSocketLimits.maxPerToken), 1),
  REHEARSAL: withDefault(z.enum(['auto', 'always', 'never']), 'auto'),
  CODER_MODEL: optional(modelName),
  EVALUATOR_MODEL: optional(modelName),
  MODEL_PRICES: optional(text),
  MODEL_CALL_SECONDS: withDefault(z.coerce.number().int().min(1).max(86_400), '600'),
  MODEL_SILENCE_SECONDS: withDefault(z.coerce.number().int().min(1).max(86_400), '120'),
  TEST_MODEL_CALLS: withDefault(z.coerce.number().int().min(1).max(100_000), String(defaultModelLimits.calls)),
  TEST_MODEL_TOKENS: withDefault(z.coerce.number().int().min(1).max(1_000_000_000), String(defaultModelLimits.tokens)),
  TEST_MODEL_USD: withDefault(z.coerce.number().min(0).max(100_000), String(defaultModelLimits.costUsd)),
  DRAIN_SECONDS: withDefault(z.coerce.number().int().min(0).max(86_400), '25'),
  PROVIDER_CONCURRENCY: amount(String(defaultBounds.providerCalls), 1),
  PROJECT_CONCURRENCY: amount(String(defaultBounds.projectCalls), 1),
  MAX_OPEN_WORK_PER_PROJECT: amount(String(defaultBounds.projectWork), 1),
  MAX_OPEN_WORK: amount(String(defaultBounds.work), 1),
  EVENT_RETENTION_DAYS: withDefault(
    z.coerce.number().int().min(3).max(36_500),
    String(defaultRetention.eventsMs / day),
  ),
  OUTBOX_RETENTION_HOURS: withDefault(
    z.coerce.number().int().min(2).max(8_760),
    String(defaultRetention.outboxMs / hour),
  ),
  COUNTERSIGN_URL: optional(url(/^https?$/, 'https://host')),
  COUNTERSIGN_TOKEN: optional(text),
  VISUAL: optional(text),
  EDITOR: optional(text),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(url(/^https?$/, 'http://host:4318')),
  OTEL_EXPORTER_OTLP_HEADERS: optional(headers),
  OTEL_SERVICE_NAME: withDefault(text, 'countersign'),
  OTEL_TRACES_SAMPLER_ARG: withDefault(z.coerce.number().min(0).max(1), '1'),
  OTEL_CAPTURE_CONTENT: withDefault(z.enum(['true', 'false']), 'false'),
  LOG_LEVEL: withDefault(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), 'info'),
  LOG_FORMAT: withDefault(z.enum(['auto', 'json', 'pretty']), 'auto'),
  METRICS_TOKEN: optional(z.string().min(16, 'must have at least 16 characters')),
  METRICS_PORT: optional(z.coerce.number().int().min(0).max(65_535)),
  METRICS_HOST: withDefault(text, '127.0.0.1'),
  NODE_ENV: withDefault(text, 'development'),
  PATH: withDefault(text, '/usr/local/bin:/usr/bin:/bin'),
})

/** A provider's access. Without key and base URL it is not configured. */
export interface ProviderConfig {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  readonly model: string | undefined
}

interface ChosenModel {
  readonly provider: 'OPENAI' | 'ANTHROPIC'
  readonly model: string
}

/** Everything that the environment decides. Secrets are in it: it is never logged or answered. */
export interface Config {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
  readonly adminToken: string | undefined
  readonly openai: ProviderConfig
  readonly anthropic: ProviderConfig
  readonly judge: { readonly provider: 'OPENAI' | 'ANTHROPIC' | undefined; readonly model: string | undefined }
  /** Who answers in sessions that name nobody. */
  readonly coder: ChosenModel | undefined
  readonly evaluator: ChosenModel | undefined
  readonly rehearsal: 'auto' | 'always' | 'never'
  readonly modelPrices: string | undefined
  /** How long a model call may take as a whole, and without a sign of life from the provider, in milliseconds. */
  readonly callLimits: { readonly callMs: number; readonly silenceMs: number }
  /** What one test may use of models. */
  readonly modelLimits: ModelLimits
  /** How long what is under way may go on once the process was told to end, in milliseconds. */
  readonly drainMs: number
  readonly bounds: Bounds
  readonly retention: Retention
  readonly sandbox: 'auto' | 'bubblewrap' | 'docker' | 'none'
  /** Where the Docker engine listens, and the image of commands that name none; the driver knows the defaults. */
  readonly docker: { readonly host: string | undefined; readonly image: string | undefined }
  /** What a sandboxed command may use where nobody says otherwise. */
  readonly sandboxLimits: SandboxLimits
  readonly gitAllowedProtocols: readonly string[]
  readonly gitAllowedHosts: readonly string[] | null
  readonly webhookAllowedProtocols: readonly string[]
  readonly webhookAllowedHosts: readonly string[] | null
  /** 32 bytes in hex; none: the data directory keeps one. */
  readonly secretKey: string | undefined
  /** An Ed25519 private key, 32 bytes in hex; none: the data directory keeps one. */
  readonly signingKey: string | undefined
  readonly corsOrigins: readonly string[]
  readonly api: ApiRules
  /** Whether the API serves a page that shows the queues' jobs. */
  readonly queueBoard: boolean
  /** The server that a client command asks, and as whom; none: the one on this machine. */
  readonly remote: { readonly url: string | undefined; readonly token: string | undefined }
  /** What the person writes in. */
  readonly editor: string | undefined
  readonly log: LogSettings
  /** Where traces are sent, and which; none: nothing is recorded. */
  readonly tracing: TracingSettings | undefined
  /** Who reads the metrics: with the token where the API is, and without one on a port of their own. */
  readonly metrics: { readonly token: string | undefined; readonly port: number | undefined; readonly host: string }
  /** Where programs are looked for. */
  readonly searchPath: string
}

/** The password in a URL, as it is written there and as it is meant. */
const passwordsOf = (url: string | undefined): readonly string[] => {
  const password = url === undefined ? '' : new URL(url).password
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    // A percent sign that begins no code is one that is meant.
    return [password]
  }
}

/** Everything that may not be read in a log. */
const secretsOf = (value: z.output<typeof environment>): readonly string[] =>
  [
    value.ADMIN_TOKEN,
    value.OPENAI_API_KEY,
    value.ANTHROPIC_API_KEY,
    value.SECRET_KEY,
    value.SIGNING_KEY,
    value.COUNTERSIGN_TOKEN,
    value.METRICS_TOKEN,
    ...passwordsOf(value.DATABASE_URL),
    ...passwordsOf(value.REDIS_URL),
    ...Object.values(value.OTEL_EXPORTER_OTLP_HEADERS ?? {}),
  ].filter((secret) => secret !== undefined)

/**
 * Reads the environment.
 * @throws ConfigError that names every variable that is wrong
 */
export const readConfig = (env: Readonly<Record<string, string | undefined>> = process.env): Config => {
  const parsed = environment.safeParse(env)
  const faults = parsed.error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? []
  if (env.PERSISTED_OPERATIONS_ONLY === 'true' && !env.PERSISTED_OPERATIONS) {
    faults.push('PERSISTED_OPERATIONS_ONLY: needs PERSISTED_OPERATIONS, or nothing could be asked')
  }
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults)
  const value = parsed.data
  const production = value.NODE_ENV === 'production'
  return {
    host: value.HOST,
    port: value.PORT,
    dataDir: resolve(value.DATA_DIR),
    databaseUrl: value.DATABASE_URL,
    redisUrl: value.REDIS_URL,
    adminToken: value.ADMIN_TOKEN,
    openai: { apiKey: value.OPENAI_API_KEY, baseUrl: value.OPENAI_BASE_URL, model: value.OPENAI_MODEL },
    anthropic: { apiKey: value.ANTHROPIC_API_KEY, baseUrl: value.ANTHROPIC_BASE_URL, model: value.ANTHROPIC_MODEL },
    judge: { provider: value.JUDGE_PROVIDER, model: value.JUDGE_MODEL },
    coder: value.CODER_MODEL,
    evaluator: value.EVALUATOR_MODEL,
    rehearsal: value.REHEARSAL,
    modelPrices: value.MODEL_PRICES,
    callLimits: { callMs: value.MODEL_CALL_SECONDS * 1_000, silenceMs: value.MODEL_SILENCE_SECONDS * 1_000 },
    modelLimits: {
      calls: value.TEST_MODEL_CALLS,
      tokens: value.TEST_MODEL_TOKENS,
      costUsd: value.TEST_MODEL_USD,
    },
    drainMs: value.DRAIN_SECONDS * 1_000,
    bounds: {
      providerCalls: value.PROVIDER_CONCURRENCY,
      projectCalls: value.PROJECT_CONCURRENCY,
      projectWork: value.MAX_OPEN_WORK_PER_PROJECT,
      work: value.MAX_OPEN_WORK,
    },
    retention: { eventsMs: value.EVENT_RETENTION_DAYS * day, outboxMs: value.OUTBOX_RETENTION_HOURS * hour },
    sandbox: value.SANDBOX,
    docker: { host: value.DOCKER_HOST, image: value.SANDBOX_IMAGE },
    sandboxLimits: {
      ...defaultLimits.standard,
      memoryBytes: value.SANDBOX_MEMORY_MIB * mebibyte,
      processes: value.SANDBOX_PROCESSES,
      outputBytes: value.SANDBOX_OUTPUT_KIB * 1024,
      fileBytes: fileLimit(value.SANDBOX_WORKSPACE_MIB * mebibyte, value.SANDBOX_TMP_MIB * mebibyte),
      workspaceBytes: value.SANDBOX_WORKSPACE_MIB * mebibyte,
      workspaceFiles: value.SANDBOX_WORKSPACE_FILES,
      temporaryBytes: value.SANDBOX_TMP_MIB * mebibyte,
    },
    gitAllowedProtocols: value.GIT_ALLOWED_PROTOCOLS,
    gitAllowedHosts: value.GIT_ALLOWED_HOSTS ?? null,
    webhookAllowedProtocols: value.WEBHOOK_ALLOWED_PROTOCOLS,
    webhookAllowedHosts: value.WEBHOOK_ALLOWED_HOSTS ?? null,
    secretKey: value.SECRET_KEY,
    signingKey: value.SIGNING_KEY,
    corsOrigins: value.CORS_ORIGINS,
    api: {
      graphiql: value.GRAPHIQL ?? !production,
      introspection: value.INTROSPECTION ?? !production,
      operations: {
        maxDepth: value.GRAPHQL_MAX_DEPTH,
        maxCost: value.GRAPHQL_MAX_COST,
        maxTokens: value.GRAPHQL_MAX_TOKENS,
        maxAliases: value.GRAPHQL_MAX_ALIASES,
      },
      persisted: { file: value.PERSISTED_OPERATIONS, only: value.PERSISTED_OPERATIONS_ONLY },
      rate: { requestsPerMinute: value.RATE_LIMIT_PER_MINUTE, trustedProxies: value.TRUST_PROXY },
      webSockets: {
        ...defaultWebSocketLimits,
        idleMs: value.WEBSOCKET_IDLE_SECONDS * 1_000,
        maxPerToken: value.WEBSOCKET_MAX_PER_TOKEN,
      },
    },
    queueBoard: value.QUEUE_BOARD === 'true',
    remote: { url: value.COUNTERSIGN_URL, token: value.COUNTERSIGN_TOKEN },
    editor: value.VISUAL ?? value.EDITOR,
    tracing:
      value.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : {
            endpoint: value.OTEL_EXPORTER_OTLP_ENDPOINT,
            headers: value.OTEL_EXPORTER_OTLP_HEADERS ?? {},
            serviceName: value.OTEL_SERVICE_NAME,
            ratio: value.OTEL_TRACES_SAMPLER_ARG,
            capturesContent: value.OTEL_CAPTURE_CONTENT === 'true',
          },
    log: { level: value.LOG_LEVEL, format: value.LOG_FORMAT, secrets: secretsOf(value) },
    metrics: { token: value.METRICS_TOKEN, port: value.METRICS_PORT, host: value.METRICS_HOST },
    searchPath: value.PATH,
  }
}
