import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { expect, it } from 'vitest'
import { awaitDatabase, awaitRedis } from '../../src/await-backends.ts'
import { readConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { createTestDatabase } from '../support/database.ts'
import { startServerProcess } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** Each is a word that nothing else has in it. */
const canaries = {
  openaiKey: 'canary-openai-4f1c9d20',
  anthropicKey: 'sk-ant-canary-anthropic-77d1e0ab',
  adminToken: 'csk_canary-admin-5b0e6c3f9a71',
  secretKey: `${'0c'.repeat(31)}a7`,
  signingKey: `${'1d'.repeat(31)}b8`,
  metricsToken: 'canary-metrics-91ab27cd',
  remoteToken: 'ghp_canaryremote3e5f7a9b1c3d5e7f',
  strangersToken: 'csk_canary-stranger-0011223344556677',
  receiversToken: 'canary-receiver-8d9e0f1a',
}

/** As a word may stand in a line: as it is, in a URL, and as HTTP's basic authorization has it. */
const spellings = (word: string): string[] => [
  word,
  encodeURIComponent(word),
  ...[0, 1, 2].map((before) =>
    // In base64 it looks different by what stands before it; the ends depend on the neighbours.
    Buffer.from(`${'x'.repeat(before)}${word}`)
      .toString('base64')
      .slice(4, -4),
  ),
]

/** Answers everything with what it was sent, as badly behaved servers do. */
const startParrot = async () => {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const said = JSON.stringify({ url: request.url, headers: request.rawHeaders })
    const status = request.url?.endsWith('/messages') ? 529 : request.url?.startsWith('/hook') ? 500 : 401
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-said': encodeURIComponent(said),
    })
    response.end(JSON.stringify({ error: { type: 'authentication_error', message: `I was sent ${said}` } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

it('whatever fails, no secret is logged, each line is JSON, and a line says of which request or job it is', async () => {
  await using database = await createTestDatabase()
  await using directory = await temporaryDirectory()
  await using parrot = await startParrot()
  let text = ''
  const lines = () => text.split('\n').slice(0, -1)
  const line = async (...words: readonly string[]): Promise<Record<string, unknown>> => {
    const find = () => lines().find((each) => words.every((word) => each.includes(word)))
    await expect.poll(find, { timeout: 60_000, message: `a line with ${words.join(', ')}` }).toBeDefined()
    return JSON.parse(find() ?? '')
  }
  await using server = await startServerProcess(
    {
      LOG_LEVEL: 'trace',
      DATABASE_URL: database.url,
      DATA_DIR: directory.path,
      OPENAI_API_KEY: canaries.openaiKey,
      OPENAI_BASE_URL: `${parrot.url}/v1`,
      ANTHROPIC_API_KEY: canaries.anthropicKey,
      ANTHROPIC_BASE_URL: parrot.url,
      ADMIN_TOKEN: canaries.adminToken,
      SECRET_KEY: canaries.secretKey,
      SIGNING_KEY: canaries.signingKey,
      METRICS_TOKEN: canaries.metricsToken,
      GIT_ALLOWED_PROTOCOLS: 'http',
      GIT_ALLOWED_HOSTS: '127.0.0.1',
      WEBHOOK_ALLOWED_PROTOCOLS: 'http',
      WEBHOOK_ALLOWED_HOSTS: '127.0.0.1',
    },
    { retry: { baseDelayMs: 5 } },
    {},
    undefined,
    (chunk) => {
      text += chunk
    },
  )

  // Strangers, also where the metrics are.
  const asStranger = { authorization: `Bearer ${canaries.strangersToken}`, 'x-request-id': 'a-stranger' }
  const refused = await fetch(`${server.url}/graphql?token=${canaries.strangersToken}`, { headers: asStranger })
  expect([refused.status, refused.headers.get('x-request-id')]).toEqual([401, 'a-stranger'])
  const made = await fetch(`${server.url}/metrics`, { headers: { ...asStranger, 'x-request-id': 'two words' } })
  expect(made.status).toBe(401)
  expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)

  // A repository that cannot be fetched.
  const create = `mutation ($input: CreateProjectInput!) { createProject(input: $input) {
    __typename ... on Project { id } ... on DomainError { message }
  } }`
  const credential = { accessToken: canaries.remoteToken }
  const { createProject: afar } = await server.query(create, {
    input: { name: 'from afar', source: { gitUrl: { url: `${parrot.url}/git/project.git`, credential } } },
  })

  // A receiver and providers that refuse.
  const { createProject } = await server.query(create, { input: { name: 'here', source: { empty: true } } })
  const { createWebhook } = await server.query(
    `mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) {
      __typename ... on Webhook { secret } ... on DomainError { message }
    } }`,
    { input: { projectId: createProject.id, url: `${parrot.url}/hook?token=${canaries.receiversToken}` } },
  )
  const ready = 'query ($id: ID!) { node(id: $id) { ... on Project { status } } }'
  await expect
    .poll(async () => (await server.query(ready, { id: createProject.id })).node.status, { timeout: 60_000 })
    .toBe('READY')
  const { createSpec } = await server.query(
    'mutation ($input: CreateSpecInput!) { createSpec(input: $input) { ... on Spec { id } } }',
    { input: { projectId: createProject.id, task: 'Do something.' } },
  )
  // Each fault has been met, and what is kept of it says no more than the log.
  const failure = `query ($id: ID!) { node(id: $id) {
    ... on Project { failure } ... on Spec { interview { failure } }
  } }`
  const kept = async ({ id }: { id: string }) => JSON.stringify((await server.query(failure, { id })).node)
  await expect.poll(() => kept(afar), { timeout: 60_000 }).not.toContain('null')
  await expect.poll(() => kept(createSpec), { timeout: 60_000 }).not.toContain('null')
  const said = (await kept(afar)) + (await kept(createSpec))
  const leaked = Object.values(canaries).flatMap(spellings)
  expect(leaked.filter((each) => said.includes(each))).toEqual([])
  await line('model call is tried again')
  const undelivered = await line('an event could not be delivered')
  expect(undelivered).toMatchObject({ job: 'deliver-webhooks', jobId: expect.stringMatching(/^outbox-\d+$/) })

  // A database that throws everybody out.
  const address = new URL(database.url)
  const name = address.pathname.slice(1)
  address.pathname = '/postgres'
  const administrator = new pg.Client(address.href)
  await administrator.connect()
  try {
    await administrator.query(`alter database ${name} with allow_connections false`)
    await administrator.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
    const failed = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token}`,
        'content-type': 'application/json',
        'x-request-id': 'unlucky',
      },
      body: '{"query":"{ viewer { name } }"}',
    })
    expect(failed.status).toBe(500)
    expect(await line('"requestId":"unlucky"')).toMatchObject({ level: 50, error: { type: expect.any(String) } })
    await line('the outbox could not be published')
  } finally {
    await administrator.query(`alter database ${name} with allow_connections true`)
    await administrator.end()
  }
  await server.end('SIGTERM')

  const { password } = new URL(database.url)
  const secrets = [...Object.values(canaries), String(createWebhook.secret), ...(password.length < 8 ? [] : [password])]
  expect(createWebhook.secret).toMatch(/^whsec_/)
  for (const spelling of secrets.flatMap(spellings)) {
    expect(lines().filter((each) => each.includes(spelling))).toEqual([])
  }
  for (const each of lines()) expect(JSON.parse(each)).toHaveProperty('msg')
})

it.each([
  [
    'DATABASE_URL',
    'postgres',
    (url: string, options: Parameters<typeof awaitRedis>[1]) => awaitDatabase(url, true, options),
  ],
  ['REDIS_URL', 'redis', awaitRedis],
] as const)(
  'the password in %s is not logged while a server that is not there is waited for',
  async (variable, protocol, wait) => {
    const password = 'canary/word'
    const config = readConfig({ [variable]: `${protocol}://somebody:${encodeURIComponent(password)}@127.0.0.1:1/0` })
    const url = (protocol === 'redis' ? config.redisUrl : config.databaseUrl) ?? ''
    const stop = new AbortController()
    let text = ''
    const log = createLogger({ ...config.log, format: 'json' }, (line) => {
      text += line
      stop.abort(new Error('seen'))
    })
    await expect(wait(url, { log, signal: stop.signal })).rejects.toThrow('seen')
    log.error({ error: new Error(`cannot reach ${url} with ${password}`) }, 'failed')
    expect(text).toContain('waiting for')
    expect(text).not.toContain('canary')
  },
)
