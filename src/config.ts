import { resolve } from 'node:path'
import { z } from 'zod'

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
const imageName = /^[a-z0-9][a-z0-9._:/@-]{0,254}$/i

// CODER_MODEL, EVALUATOR_MODEL and OTEL_EXPORTER_OTLP_ENDPOINT are checked, so that a bad one stops the
// start, although nothing in this version reads them.
const environment = z.object({
  PORT: withDefault(z.coerce.number().int().min(0).max(65_535), '4000'),
  HOST: withDefault(text, '127.0.0.1'),
  DATA_DIR: withDefault(text, './.countersign'),
  DATABASE_URL: optional(url(/^postgres(ql)?$/, 'postgres://user:password@host:5432/name')),
  REDIS_URL: optional(url(/^rediss?$/, 'redis://host:6379')),
  ADMIN_TOKEN: optional(z.string().min(16, 'must have at least 16 characters')),
  OPENAI_API_KEY: optional(text),
  OPENAI_BASE_URL: optional(url(/^https?$/, 'https://host/v1')),
  OPENAI_MODEL: optional(text),
  ANTHROPIC_API_KEY: optional(text),
  ANTHROPIC_BASE_URL: optional(url(/^https?$/, 'https://host')),
  ANTHROPIC_MODEL: optional(text),
  JUDGE_PROVIDER: optional(z.enum(['OPENAI', 'ANTHROPIC'])),
  JUDGE_MODEL: optional(text),
  SANDBOX: withDefault(z.enum(['auto', 'bubblewrap', 'docker', 'none']), 'auto'),
  SANDBOX_IMAGE: optional(z.string().regex(imageName, 'must name an image, like node:24-bookworm')),
  DOCKER_HOST: optional(text),
  GIT_ALLOWED_PROTOCOLS: withDefault(list.pipe(z.array(z.enum(['https', 'http', 'ssh', 'file'])).min(1)), 'https,ssh'),
  GIT_ALLOWED_HOSTS: optional(z.string().toLowerCase().pipe(list)),
  SECRET_KEY: optional(z.string().regex(/^[0-9a-f]{64}$/i, 'must be 32 bytes in hex')),
  CORS_ORIGINS: withDefault(list.pipe(z.array(url(/^https?$/, 'https://host'))), ''),
  REHEARSAL: withDefault(z.enum(['auto', 'always', 'never']), 'auto'),
  CODER_MODEL: optional(text),
  EVALUATOR_MODEL: optional(text),
  MODEL_PRICES: optional(text),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(url(/^https?$/, 'http://host:4318')),
  LOG_LEVEL: withDefault(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), 'info'),
  NODE_ENV: withDefault(text, 'development'),
  PATH: withDefault(text, '/usr/local/bin:/usr/bin:/bin'),
})

/** A provider's access. Without key and base URL it is not configured. */
export interface ProviderConfig {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  readonly model: string | undefined
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
  readonly rehearsal: 'auto' | 'always' | 'never'
  readonly modelPrices: string | undefined
  readonly sandbox: 'auto' | 'bubblewrap' | 'docker' | 'none'
  /** Where the Docker engine listens, and the image of commands that name none; the driver knows the defaults. */
  readonly docker: { readonly host: string | undefined; readonly image: string | undefined }
  readonly gitAllowedProtocols: readonly string[]
  readonly gitAllowedHosts: readonly string[] | null
  /** 32 bytes in hex; none: the data directory keeps one. */
  readonly secretKey: string | undefined
  readonly corsOrigins: readonly string[]
  readonly logLevel: string
  /** Where programs are looked for. */
  readonly searchPath: string
  readonly production: boolean
}

/**
 * Reads the environment.
 * @throws ConfigError that names every variable that is wrong
 */
export const readConfig = (env: Readonly<Record<string, string | undefined>> = process.env): Config => {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
  }
  const value = parsed.data
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
    rehearsal: value.REHEARSAL,
    modelPrices: value.MODEL_PRICES,
    sandbox: value.SANDBOX,
    docker: { host: value.DOCKER_HOST, image: value.SANDBOX_IMAGE },
    gitAllowedProtocols: value.GIT_ALLOWED_PROTOCOLS,
    gitAllowedHosts: value.GIT_ALLOWED_HOSTS ?? null,
    secretKey: value.SECRET_KEY,
    corsOrigins: value.CORS_ORIGINS,
    logLevel: value.LOG_LEVEL,
    searchPath: value.PATH,
    production: value.NODE_ENV === 'production',
  }
}
