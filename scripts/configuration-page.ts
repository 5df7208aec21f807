/** A variable as `.env.example` tells of it. */
export interface Variable {
  readonly name: string
  /** Empty where there is none. */
  readonly standard: string
  readonly meaning: string
  /** A value that the configuration takes; `$(...)` is a command that makes one. */
  readonly example: string
}

const key = '$(openssl rand -hex 32)'

/** A value for each variable, another than its default. */
const examples: Readonly<Record<string, string>> = {
  PORT: '8080',
  HOST: '0.0.0.0',
  DATA_DIR: '/var/lib/countersign',
  DATABASE_URL: 'postgres://countersign:secret@db:5432/countersign',
  REDIS_URL: 'redis://redis:6379',
  ADMIN_TOKEN: key,
  OPENAI_API_KEY: 'sk-...',
  OPENAI_BASE_URL: 'http://127.0.0.1:8000/v1',
  OPENAI_MODEL: 'gpt-6-sol',
  ANTHROPIC_API_KEY: 'sk-ant-...',
  ANTHROPIC_BASE_URL: 'http://127.0.0.1:8001',
  ANTHROPIC_MODEL: 'claude-opus-5-5',
  JUDGE_PROVIDER: 'ANTHROPIC',
  JUDGE_MODEL: 'claude-haiku-5-5',
  CODER_MODEL: 'ANTHROPIC:claude-opus-5-5',
  EVALUATOR_MODEL: 'OPENAI:gpt-6-luna',
  REHEARSAL: 'never',
  MODEL_PRICES: '/etc/countersign/prices.json',
  MODEL_CALL_SECONDS: '1800',
  MODEL_SILENCE_SECONDS: '600',
  PROVIDER_CONCURRENCY: '16',
  PROJECT_CONCURRENCY: '8',
  MAX_OPEN_WORK_PER_PROJECT: '200',
  MAX_OPEN_WORK: '5000',
  TEST_MODEL_CALLS: '10',
  TEST_MODEL_TOKENS: '50000',
  TEST_MODEL_USD: '0.25',
  SANDBOX: 'docker',
  SANDBOX_MEMORY_MIB: '2048',
  SANDBOX_PROCESSES: '512',
  SANDBOX_WORKSPACE_MIB: '512',
  SANDBOX_WORKSPACE_FILES: '50000',
  SANDBOX_TMP_MIB: '256',
  SANDBOX_OUTPUT_KIB: '4096',
  SANDBOX_IMAGE: 'registry.example.com/node-and-python:24',
  DOCKER_HOST: 'unix:///run/user/1000/docker.sock',
  GIT_ALLOWED_PROTOCOLS: 'https',
  GIT_ALLOWED_HOSTS: 'git.example.com',
  WEBHOOK_ALLOWED_PROTOCOLS: 'https,http',
  WEBHOOK_ALLOWED_HOSTS: 'ci.internal',
  SECRET_KEY: key,
  SIGNING_KEY: key,
  CORS_ORIGINS: 'https://console.example.com',
  QUEUE_BOARD: 'true',
  GRAPHIQL: 'false',
  INTROSPECTION: 'false',
  GRAPHQL_MAX_DEPTH: '20',
  GRAPHQL_MAX_COST: '50000',
  GRAPHQL_MAX_TOKENS: '2000',
  GRAPHQL_MAX_ALIASES: '30',
  PERSISTED_OPERATIONS: '/etc/countersign/operations.json',
  PERSISTED_OPERATIONS_ONLY: 'true',
  RATE_LIMIT_PER_MINUTE: '1200',
  TRUST_PROXY: '1',
  WEBSOCKET_IDLE_SECONDS: '120',
  WEBSOCKET_MAX_PER_TOKEN: '20',
  DRAIN_SECONDS: '60',
  EVENT_RETENTION_DAYS: '90',
  OUTBOX_RETENTION_HOURS: '48',
  LOG_LEVEL: 'debug',
  LOG_FORMAT: 'json',
  METRICS_TOKEN: key,
  METRICS_PORT: '9464',
  METRICS_HOST: '0.0.0.0',
  COUNTERSIGN_URL: 'https://countersign.example.com',
  COUNTERSIGN_TOKEN: 'csk_...',
  VISUAL: 'code --wait',
  EDITOR: 'vim',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://phoenix:6006',
  OTEL_EXPORTER_OTLP_HEADERS: 'api_key=secret',
  OTEL_SERVICE_NAME: 'countersign-staging',
  OTEL_TRACES_SAMPLER_ARG: '0.1',
  OTEL_CAPTURE_CONTENT: 'true',
}

const groups: readonly (readonly [heading: string, names: RegExp])[] = [
  ['The server and what it keeps', /^(PORT|HOST|DATA_DIR|DATABASE_URL|REDIS_URL|DRAIN_SECONDS|\w+_RETENTION_\w+)$/],
  ['Keys and who may come in', /^(ADMIN_TOKEN|SECRET_KEY|SIGNING_KEY|CORS_ORIGINS)$/],
  ['Models', /^(OPENAI|ANTHROPIC|JUDGE|CODER|EVALUATOR|MODEL|TEST_MODEL)_|^REHEARSAL$/],
  ['How much at once', /^(PROVIDER|PROJECT)_CONCURRENCY$|^MAX_OPEN_WORK/],
  ['The sandbox', /^(SANDBOX|DOCKER_HOST)/],
  ['Remotes and webhooks', /^(GIT|WEBHOOK)_/],
  ['Requests and connections', /^(GRAPHQL|WEBSOCKET|PERSISTED|RATE|TRUST)_|^(GRAPHIQL|INTROSPECTION)$/],
  ['Logs, metrics, traces, queues', /^(LOG|METRICS|OTEL)_|^QUEUE_BOARD$/],
  ['The commands of the terminal', /^(COUNTERSIGN_\w+|VISUAL|EDITOR)$/],
  ['Others', /./],
]

/** Reads the variables from the text of `.env.example`. */
export const readVariables = (text: string): readonly Variable[] => {
  const lines = text.split('\n')
  const isComment = (line: string | undefined) => line?.startsWith('# ') === true
  return lines.flatMap((line, at) => {
    const [, name, standard = ''] = /^#([A-Z_]+)=(.*)$/.exec(line) ?? []
    if (name === undefined) return []
    let first = at
    while (isComment(lines[first - 1])) first -= 1
    const meaning = lines
      .slice(first, at)
      .map((comment) => comment.slice(2))
      .join(' ')
    return [{ name, standard, meaning, example: examples[name] ?? '' }]
  })
}

/** The variables that have an example; each must be one that there is. */
export const exampleNames: readonly string[] = Object.keys(examples)

const code = (text: string): string => (text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``)
const headings = ['variable', 'default', 'example', 'meaning']

// As wide as the formatter makes it.
const table = (variables: readonly Variable[]): string => {
  const rows = variables.map(({ name, standard, example, meaning }) => {
    return [code(name), code(standard), code(example), meaning.replaceAll('|', '\\|')]
  })
  const widths = headings.map((heading, column) => {
    return Math.max(heading.length, ...rows.map((cells) => cells[column]?.length ?? 0))
  })
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [headings, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n')
}

/** The tables of the page on configuration, group by group. */
export const configurationTables = (variables: readonly Variable[]): string => {
  const groupOf = ({ name }: Variable) => groups.findIndex(([, names]) => names.test(name))
  return groups
    .map(([heading], index) => ({ heading, members: variables.filter((variable) => groupOf(variable) === index) }))
    .filter(({ members }) => members.length > 0)
    .map(({ heading, members }) => `## ${heading}\n\n${table(members)}`)
    .join('\n\n')
}

const beginning = '<!-- From .env.example: node scripts/print-configuration.ts -->'

/** The page with its tables as the variables are now: everything below the mark. @throws Error when there is no mark */
export const configurationPage = (page: string, variables: readonly Variable[]): string => {
  const at = page.indexOf(beginning)
  if (at < 0) throw new Error(`The page on configuration has lost its mark: ${beginning}`)
  return `${page.slice(0, at)}${beginning}\n\n${configurationTables(variables)}\n`
}
