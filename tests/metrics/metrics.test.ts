import pg from 'pg'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { knownModels } from '../../src/adapters/llm/known-models.ts'
import { createPrices } from '../../src/adapters/llm/prices.ts'
import { createExposition } from '../../src/adapters/metrics/exposition.ts'
import { measuredSandbox } from '../../src/adapters/metrics/measured-sandbox.ts'
import { readConfig } from '../../src/config.ts'
import { unmeasured } from '../../src/domain/ports/measure.ts'
import type { Sandbox, SandboxResult } from '../../src/domain/ports/sandbox.ts'
import { readQueuedFigures, readStoredFigures } from '../../src/domain/process/deployment-figures.ts'
import { start } from '../../src/start.ts'
import { commit, proposed, review } from '../factories/gate.ts'
import { addsFile, readyProject, rowId, validatedSpec } from '../factories/pipeline.ts'
import { connectSocket } from '../support/graphql-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const token = 'a-token-of-prometheus'
let server: TestServer
let projectId: string
let busy = true

beforeAll(async () => {
  server = await startTestServer({
    env: { METRICS_TOKEN: token, METRICS_PORT: '0' },
    // Its first call meets a provider that has too much to do.
    overrides: {
      rehearsalOptions: {
        intercept: ({ provider }) => {
          if (!busy || provider !== 'OPENAI') return undefined
          busy = false
          return { kind: 'status', status: 429 }
        },
      },
    },
  })
  projectId = await readyProject(server)
})
afterAll(() => server[Symbol.asyncDispose]())

const ask = (authorization?: string, init: RequestInit = {}) =>
  fetch(`${server.url}/metrics`, { ...init, headers: authorization === undefined ? {} : { authorization } })

const scrape = async (): Promise<string> => (await ask(`Bearer ${token}`)).text()

/** The value of the one series that has all of these labels; undefined without one. */
const valueIn = (text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined => {
  const line = text
    .split('\n')
    .find(
      (each) =>
        (each.startsWith(`${name}{`) || each.startsWith(`${name} `)) &&
        Object.entries(labels).every(([label, value]) => each.includes(`${label}="${value}"`)),
    )
  return line === undefined ? undefined : Number(line.split(' ').at(-1))
}

describe('who may read them', () => {
  it('beside the API only who has the token for them: no other token, and nobody without', async () => {
    const answers = [await ask(), await ask('Bearer wrong'), await ask(`Bearer ${server.token}`)]
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401])
    expect(answers[0]?.headers.get('www-authenticate')).toBe('Bearer')
    expect((await ask(`Bearer ${token}`)).status).toBe(200)
    expect((await ask(`Bearer ${token}`, { method: 'POST' })).status).toBe(405)
  })

  it('the token for them opens nothing else', async () => {
    expect((await server.request('{ viewer { name } }', {}, token)).status).toBe(401)
  })

  it('on the private port whoever reaches it, and there is nothing else', async () => {
    const url = server.metricsUrl ?? ''
    const answer = await fetch(url)
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=/)
    expect(await answer.text()).toContain('countersign_build_info')
    expect((await fetch(url.replace('/metrics', '/graphql'))).status).toBe(404)
  })
})

it('a worker serves them on its port, and an API that is asked for none has none', async () => {
  const { databaseUrl = '', dataDir } = server.config
  const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'fatal' }
  const other = { rehearsal: false, migrate: false }
  const worker = await start(readConfig({ ...env, METRICS_PORT: '0' }), {
    ...other,
    api: false,
    pools: { webhooks: 1 },
  })
  const text = await (await fetch(worker.metricsUrl ?? '')).text()
  await worker.close()
  expect(valueIn(text, 'countersign_queue_slots', { pool: 'tests' })).toBe(4)
  // Its own work alone is counted.
  expect(valueIn(text, 'countersign_job_duration_seconds_count', { job_name: 'prepare-project' })).toBeUndefined()
  await expect(fetch(worker.metricsUrl ?? '')).rejects.toThrow('fetch failed')

  const api = await start(readConfig(env), { ...other, api: true, pools: {} })
  const asked = await fetch(`${api.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  await api.close()
  expect([asked.status, api.metricsUrl]).toEqual([404, null])
})

it('jobs, reviews, commits and what refused them are counted', async () => {
  const content = addsFile('a.txt', ['one'])
  const diff = await proposed(server, projectId, { content })
  const other = await proposed(server, projectId, { content: addsFile('b.txt', ['two']) })
  expect((await commit(server, other.id)).__typename).toBe('ApprovalRequiredError')
  expect((await review(server, diff)).__typename).toBe('Diff')
  // The same verdict again is none.
  await review(server, diff)
  expect((await commit(server, diff.id)).__typename).toBe('Diff')
  const text = await scrape()
  expect(valueIn(text, 'countersign_commits_total', { outcome: 'committed' })).toBe(1)
  expect(valueIn(text, 'countersign_commits_total', { outcome: 'approval_required' })).toBe(1)
  expect(valueIn(text, 'countersign_review_wait_seconds_count', { verdict: 'approve' })).toBe(1)
  expect(
    valueIn(text, 'countersign_job_duration_seconds_count', { job_name: 'prepare-project', outcome: 'done' }),
  ).toBe(1)
  const { stored } = await figures()
  expect(stored.diffs).toContainEqual({ status: 'PROPOSED', count: 1 })
  expect(stored.oldestDiffSeconds).toBeGreaterThan(0)
})

it('attempts at calls of models are timed, and errors, retries, tokens and cost counted', async () => {
  await validatedSpec(server, projectId)
  const text = await scrape()
  const model = { provider: 'openai', model: 'rehearsal-openai' }
  const attempts = 'countersign_provider_attempt_duration_seconds_count'
  expect(valueIn(text, attempts, { ...model, outcome: 'failed' })).toBe(1)
  expect(valueIn(text, attempts, { ...model, outcome: 'answered' })).toBeGreaterThan(0)
  expect(valueIn(text, 'countersign_provider_errors_total', { ...model, code: 'rate_limited' })).toBe(1)
  expect(valueIn(text, 'countersign_provider_retries_total', { ...model, code: 'rate_limited' })).toBe(1)
  expect(valueIn(text, 'countersign_provider_cost_usd_total', model)).toBe(0)
  const { inputTokens, outputTokens } = await usedTokens()
  expect(valueIn(text, 'countersign_provider_tokens_total', { ...model, kind: 'input' })).toBe(inputTokens)
  expect(valueIn(text, 'countersign_provider_tokens_total', { ...model, kind: 'output' })).toBe(outputTokens)
})

/** What the rows say was bought. */
const usedTokens = async () => {
  const calls = await sqlOf<{ input: number; output: number }>(
    'select sum(input_tokens)::int as input, sum(output_tokens)::int as output from model_call where provider = $1',
    ['OPENAI'],
  )
  return { inputTokens: calls[0]?.input, outputTokens: calls[0]?.output }
}

const sqlOf = async <Row extends object>(statement: string, values: readonly unknown[] = []): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: server.config.databaseUrl })
  await client.connect()
  try {
    return (await client.query(statement, [...values])).rows
  } finally {
    await client.end()
  }
}

it("operations are timed by the schema's words: what a client names and writes is in no label", async () => {
  await server.query('query canary_name { canary_alias: viewer { name } }')
  await server.query('{ viewer { name } projects { nodes { id } } }')
  await server.request('{ canary_field }')
  await server.request('query canary_name {')
  const text = await scrape()
  const duration = 'countersign_graphql_operation_duration_seconds_count'
  expect(valueIn(text, duration, { type: 'query', field: 'viewer' })).toBe(1)
  expect(valueIn(text, duration, { type: 'query', field: 'several' })).toBe(1)
  expect(valueIn(text, duration, { type: 'mutation', field: 'commitDiff' })).toBe(2)
  expect(valueIn(text, 'countersign_graphql_errors_total', { code: 'graphql_validation_failed' })).toBe(1)
  expect(valueIn(text, 'countersign_graphql_errors_total', { code: 'graphql_parse_failed' })).toBe(1)
  expect(text).not.toContain('canary')
})

it('open subscriptions and WebSocket connections are counted for as long as they are open', async () => {
  const open = async () => {
    const text = await scrape()
    return [valueIn(text, 'countersign_websocket_connections'), valueIn(text, 'countersign_graphql_open_subscriptions')]
  }
  {
    await using socket = await connectSocket(server.url)
    const acknowledged = new Promise((resolve) => socket.socket.once('message', resolve))
    socket.socket.send(
      JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${server.token}` } }),
    )
    await acknowledged
    const [cursor] = await sqlOf<{ xid: string }>('select min(xid)::text as xid from event')
    const query = `subscription { projectEvents(projectId: "${projectId}", after: "${cursor?.xid}-0") { __typename } }`
    socket.socket.send(JSON.stringify({ id: 'one', type: 'subscribe', payload: { query } }))
    // Its first event: it is open.
    const first = await new Promise<string>((resolve) => socket.socket.once('message', (data) => resolve(String(data))))
    expect(JSON.parse(first)).toMatchObject({ type: 'next', id: 'one' })
    expect(await open()).toEqual([1, 1])
  }
  await expect.poll(open, { timeout: 20_000 }).toEqual([0, 0])
})

const figures = async () => ({
  stored: await readStoredFigures(server.context.services, server.context.feed.position()),
  queued: await readQueuedFigures(server.context.services),
})

it('every process tells of the whole deployment: its queues, its workers and what waits for people', async () => {
  const text = await scrape()
  expect(valueIn(text, 'countersign_queue_slots', { pool: 'tests' })).toBe(4)
  expect(valueIn(text, 'countersign_queue_jobs', { pool: 'planning', place: 'outbox' })).toBe(0)
  expect(valueIn(text, 'countersign_queue_jobs', { pool: 'planning', place: 'waiting' })).toBe(0)
  expect(valueIn(text, 'countersign_backend_up', { backend: 'database' })).toBe(1)
  expect(valueIn(text, 'countersign_backend_up', { backend: 'queue' })).toBe(1)
  expect(valueIn(text, 'process_resident_memory_bytes')).toBeGreaterThan(0)
})

it('events that cannot be read yet, and those that a webhook has yet to be sent, show how long they have waited', async () => {
  const blocking = new pg.Client({ connectionString: server.config.databaseUrl })
  await blocking.connect()
  try {
    await blocking.query('begin')
    await blocking.query('select pg_current_xact_id()')
    await proposed(server, projectId, { content: addsFile('c.txt', ['three']) })
    await sqlOf(
      `insert into webhook (id, project_id, url, event_types, secret, cursor_xid, cursor_id, failures, next_at,
        created_by_id, created_at)
      select gen_random_uuid(), $1, 'https://receiver.invalid', null, '', '0', 0, 3, now() + interval '1 day', id, now()
      from actor limit 1`,
      [rowId(projectId)],
    )
    await expect.poll(async () => (await figures()).stored.eventLagSeconds, { timeout: 20_000 }).toBeGreaterThan(0)
    const { stored } = await figures()
    expect(stored.webhookLagSeconds).toBeGreaterThan(stored.eventLagSeconds)
  } finally {
    await blocking.query('rollback')
    await blocking.end()
  }
  await expect.poll(async () => (await figures()).stored.eventLagSeconds, { timeout: 20_000 }).toBe(0)
  await sqlOf('update webhook set dead_at = now()')
  expect((await figures()).stored).toMatchObject({ webhookLagSeconds: 0, deadWebhooks: 1 })
})

it('a backend that fails or hangs takes its own figures away and no others', async () => {
  const { stored } = await figures()
  const read = (readQueued: () => Promise<never>) =>
    createExposition(
      new Registry(),
      { readStored: async () => stored, readQueued },
      { version: '1', log: server.context.services.log, patienceMs: 1 },
    ).text()
  for (const failing of [() => Promise.reject(new Error('gone')), () => new Promise<never>(() => {})]) {
    const text = await read(failing)
    expect(valueIn(text, 'countersign_backend_up', { backend: 'queue' })).toBe(0)
    expect(valueIn(text, 'countersign_queue_jobs', { place: 'waiting' })).toBeUndefined()
    expect(valueIn(text, 'countersign_queue_slots', { pool: 'tests' })).toBe(4)
  }
  const lost = await createExposition(
    new Registry(),
    { readStored: () => Promise.reject(new Error('gone')), readQueued: async () => ({ waiting: [], delayed: [] }) },
    { version: '1', log: server.context.services.log },
  ).text()
  expect(valueIn(lost, 'countersign_event_lag_seconds')).toBeUndefined()
  expect(valueIn(lost, 'countersign_build_info', { version: '1' })).toBe(1)
})

it('a command in the sandbox is timed by how it ended', async () => {
  const ended: Partial<SandboxResult> = { exitCode: 0, timedOut: false, canceled: false, driver: 'none', durationMs: 5 }
  const told: unknown[] = []
  const measure = { ...unmeasured, commandEnded: ({ outcome }: { outcome: string }) => told.push(outcome) }
  const results: (Partial<SandboxResult> | Error)[] = [
    ended,
    { ...ended, exitCode: 1 },
    { ...ended, exitCode: null, timedOut: true },
    { ...ended, exitCode: null, outOfMemory: true },
    { ...ended, exitCode: null, canceled: true },
    new Error('no sandbox'),
  ]
  const run = async () => {
    const next = results.shift()
    if (next instanceof Error) throw next
    return next as SandboxResult
  }
  const sandbox = measuredSandbox({ driver: 'none', run } as unknown as Sandbox, measure)
  while (results.length > 0) await sandbox.run({} as never).catch(() => {})
  const { services } = server.context
  await services.sandbox.run({ argv: ['true'], workspace: { base: null, changes: [] }, limits: services.limits })
  const real = { driver: services.sandbox.driver, outcome: 'passed' }
  expect(valueIn(await scrape(), 'countersign_sandbox_run_duration_seconds_count', real)).toBe(1)
  expect(told).toEqual(['PASSED', 'FAILED', 'TIMED_OUT', 'OUT_OF_MEMORY', 'CANCELED', 'ERRORED'])
})

it('a model that somebody made up counts as other; a dated name counts as its model', () => {
  const rates = { inputPerMillionUsd: 1, cachedInputPerMillionUsd: 1, outputPerMillionUsd: 1 }
  const prices = createPrices([
    { provider: 'OPENAI', source: 'a page', date: '2026-01-01', models: { 'gpt-listed': rates } },
  ])
  const nameOf = knownModels(prices, ['local-model', undefined])
  expect(['gpt-listed', 'gpt-listed-2026-01-01', 'local-model', 'made-up'].map(nameOf)).toEqual([
    'gpt-listed',
    'gpt-listed',
    'local-model',
    'other',
  ])
})
