import { once } from 'node:events'
import { rename } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { doctor } from '../../src/cli/doctor/command.ts'
import { askServer } from '../../src/cli/doctor/server.ts'
import { createOutput } from '../../src/cli/output.ts'
import { readConfig } from '../../src/config.ts'
import { lookAtClock } from '../../src/health/clock.ts'
import { componentNames } from '../../src/health/component.ts'
import { healthComponents } from '../../src/health/components.ts'
import { lookAtEvents } from '../../src/health/events.ts'
import { createHealth } from '../../src/health/health.ts'
import { pools } from '../../src/jobs/job.ts'
import { startHeartbeat } from '../../src/workers/heartbeat.ts'
import { setPolicy } from '../factories/gate.ts'
import { actorWithToken, readyProject } from '../factories/pipeline.ts'
import { request } from '../llm/support.ts'
import { type ConnectionProxy, startConnectionProxy } from '../support/connection-proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const key = 'sk-canary-0123456789'

/** A provider that knows nobody. */
let refusing: Server
let database: TestDatabase
let proxy: ConnectionProxy
let server: TestServer
beforeAll(async () => {
  refusing = createServer((request, response) => {
    request.resume()
    response.writeHead(401, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: { message: `Incorrect API key: ${key}`, type: 'invalid_request_error' } }))
  }).listen(0, '127.0.0.1')
  await once(refusing, 'listening')
  database = await createTestDatabase()
  proxy = await startConnectionProxy(database.url)
  server = await startTestServer({
    databaseUrl: proxy.url,
    env: {
      OPENAI_API_KEY: key,
      OPENAI_BASE_URL: `http://127.0.0.1:${(refusing.address() as AddressInfo).port}/v1`,
    },
    pools: { maintenance: 1 },
    overrides: { health: { freshMs: 0, limitMs: 30_000 } },
  })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  refusing?.close()
})

const execute = <Row extends object>(statement: string, ...parameters: unknown[]) =>
  server.context.services.em().getConnection().execute<Row[]>(statement, parameters)

/** A worker elsewhere that runs what this server leaves out. */
const otherWorker = () => {
  const left = pools.filter((pool) => pool !== 'maintenance')
  return startHeartbeat(
    { ...server.context.services, processName: 'elsewhere' },
    { api: false, pools: Object.fromEntries(left.map((pool) => [pool, 1])), running: new Map(), version: '0' },
  )
}

interface Component {
  readonly name: string
  readonly status: string
  readonly detail: string | null
  readonly latencyMs: number
}

const health = async (): Promise<{ status: string; components: readonly Component[] }> =>
  (await server.query('{ health { status components { name status detail latencyMs } } }')).health
const component = async (name: string) => (await health()).components.find((each) => each.name === name)

const ready = async () => {
  const response = await fetch(`${server.url}/readyz`)
  const { status, components } = (await response.json()) as {
    status: string
    components: { name: string; ok: boolean }[]
  }
  return { http: response.status, status, failed: components.filter(({ ok }) => !ok).map(({ name }) => name) }
}

/** What doctor says of the server, for a script, and how it ends. */
const examine = async () => {
  const written: string[] = []
  const stdout = { write: (text: string) => written.push(text) }
  const output = createOutput({ json: true, quiet: false, stdout, stderr: stdout, stdin: {} })
  const config = readConfig({ COUNTERSIGN_TOKEN: server.token })
  const signal = new AbortController().signal
  const exitCode = await doctor({ config, output, signal, url: server.url, tokenFile: undefined })
  const { server: report } = JSON.parse(written.join(''))
  const failed = report.checks.filter(({ status }: { status: string }) => status !== 'ok')
  return { exitCode, version: report.version, failed, names: report.checks.map(({ name }: { name: string }) => name) }
}

it('every component is told with its latency, and doctor finds nothing to do, once each pool has a worker', async () => {
  expect(await component('workers')).toMatchObject({
    status: 'failed',
    detail: expect.stringMatching(/^No process runs the pools planning, .*webhooks/),
  })
  // The API can do all that is its own.
  expect(await ready()).toMatchObject({ http: 200, status: 'ok' })
  expect(await examine()).toMatchObject({
    exitCode: 1,
    failed: expect.arrayContaining([
      expect.objectContaining({ name: 'workers', remedy: expect.stringContaining('countersign worker --pool') }),
    ]),
  })

  await using _worker = await otherWorker()
  const found = await health()
  expect(found.components.map(({ name }) => name)).toEqual(componentNames)
  expect(found.components.filter(({ status }) => status !== 'ok')).toEqual([])
  expect(found.status).toBe('ok')
  for (const { latencyMs } of found.components) expect(latencyMs).toBeGreaterThanOrEqual(0)
  expect(await ready()).toEqual({ http: 200, status: 'ok', failed: [] })
  expect(await examine()).toEqual({ exitCode: 0, version: expect.any(String), failed: [], names: componentNames })
})

it('doctor says who approves alone once there are two people, and no more when no project lets them', async () => {
  await using _worker = await otherWorker()
  const projectId = await readyProject(server, { name: 'lenient' })
  expect((await examine()).failed).toEqual([])
  await actorWithToken(server, { name: 'A second person' })
  expect(await examine()).toMatchObject({
    exitCode: 0,
    failed: [
      {
        name: 'approvals',
        detail: 'there are 2 people, and who made a change may approve it alone in lenient',
        remedy: expect.stringContaining('allowSelfApproval: false'),
      },
    ],
  })
  await setPolicy(server, projectId, { requiredApprovals: 1, allowSelfApproval: false })
  expect((await examine()).failed).toEqual([])
})

it('nothing but the two that are named says that all is well', async () => {
  expect((await fetch(`${server.url}/health`)).status).toBe(404)
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
})

it('a database of another version is told apart: an older one serves nobody, a newer one those who are still there', async () => {
  const [newest] = await execute<{ name: string }>(
    'delete from migration where id = (select max(id) from migration) returning name',
  )
  expect(await component('migrations')).toMatchObject({ status: 'failed', detail: expect.stringContaining('lacks 1') })
  expect(await ready()).toMatchObject({ http: 503, failed: expect.arrayContaining(['migrations']) })
  await execute(
    `insert into migration (name, executed_at) values (?, now()), ('Migration29990101000000_next', now())`,
    newest?.name,
  )
  expect(await component('migrations')).toMatchObject({
    status: 'failed',
    detail: expect.stringMatching(/newer version .*Migration29990101000000_next/),
  })
  expect(await ready()).toMatchObject({ http: 200, failed: expect.arrayContaining(['migrations']) })
  expect((await examine()).failed).toContainEqual(
    expect.objectContaining({ name: 'migrations', remedy: expect.stringContaining('countersign migrate') }),
  )
  await execute(`delete from migration where name = 'Migration29990101000000_next'`)
})

it('jobs that nobody publishes are a fault of the outbox, much work is none', async () => {
  await execute(
    `insert into outbox (job, payload, created_at) values ('of-a-newer-version', '{}', now() - interval '2 minutes')`,
  )
  expect(await component('outbox')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('1 of-a-newer-version (not known to this version)'),
  })
  // As by a process that knows it.
  await execute(
    `insert into outbox (job, payload, created_at, published_at) values ('of-a-newer-version', '{}', now(), now())`,
  )
  expect(await component('outbox')).toMatchObject({ status: 'ok' })
  await execute(`delete from outbox where job = 'of-a-newer-version'`)
})

it('a transaction that holds events back is named by its process, and a feed that stands still is told apart from that', async () => {
  const held = await server.context.services.em().transactional(async (tx) => {
    await tx.execute('select pg_current_xact_id()')
    await execute(
      `insert into event (at, project_id, body) values (now() - interval '1 minute', gen_random_uuid(), '{"type":"DiffChanged"}')`,
    )
    return await component('events')
  })
  // The oldest of the whole database server, which may be another test's.
  expect(held).toMatchObject({
    status: 'failed',
    detail: expect.stringMatching(/^Events have been held back for \d+ seconds by a transaction .* of process \d+ \(/),
  })
  await expect.poll(() => component('events'), { timeout: 20_000 }).toMatchObject({ status: 'ok' })
  // As a process whose feed has stopped at the beginning.
  const stopped = { position: () => ({ xid: '0', id: '0' }) }
  expect(await lookAtEvents(server.context.services, stopped)).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/^This process has not passed on events for \d+ seconds\.$/),
  })
})

it('a clock that differs from the database’s is told, with the side that is ahead', async () => {
  await server.context.services.em().transactional(async (tx) => {
    await tx.execute('create schema skewed')
    await tx.execute(
      `create function skewed.clock_timestamp() returns timestamptz language sql as $$ select pg_catalog.clock_timestamp() + interval '1 hour' $$`,
    )
    expect(await lookAtClock({ em: () => tx })).toMatchObject({ ok: true })
    await tx.execute('set local search_path = skewed, pg_catalog, public')
    expect(await lookAtClock({ em: () => tx })).toEqual({
      ok: false,
      detail: expect.stringMatching(/^This machine's clock is (3600|359\d) seconds behind the database's\.$/),
    })
    await tx.execute('drop schema skewed cascade')
  })
})

it('a data directory that cannot be written makes the process unfit, without saying where it is', async () => {
  const { dataDir } = server.config
  await rename(dataDir, `${dataDir}-away`)
  try {
    expect(await component('storage')).toMatchObject({
      status: 'failed',
      detail: 'The data directory cannot be written (ENOENT).',
    })
    expect(await ready()).toMatchObject({ http: 503, failed: expect.arrayContaining(['storage']) })
  } finally {
    await rename(`${dataDir}-away`, dataDir)
  }
  expect(await component('storage')).toMatchObject({ status: 'ok', detail: expect.stringContaining('GiB free') })
})

it('a provider that refuses the key is told, without the key', async () => {
  const openai = server.context.services.models.get('OPENAI')
  await expect(openai?.complete(request({}))).rejects.toMatchObject({ code: 'unauthorized' })
  const found = await component('models')
  expect(found).toMatchObject({ status: 'failed', detail: 'OpenAI refused the key (HTTP 401).' })
})

it('probes that come together or soon are answered by one look, and people always by a new one', async () => {
  let looks = 0
  const look = async () => {
    looks += 1
    return { ok: true, detail: null }
  }
  const counted = createHealth([{ name: 'storage', isNeeded: true, readsDatabase: false, look }], {
    freshMs: 3_600_000,
  })
  await Promise.all(Array.from({ length: 50 }, () => counted.lookForProbe()))
  await counted.lookForProbe()
  expect(looks).toBe(1)
  await counted.look()
  expect(looks).toBe(2)
})

it('a database that hangs is said not to answer, and is asked no second time until it does', async () => {
  const { services, queues, feed } = server.context
  let asked = 0
  const em = () => {
    asked += 1
    return services.em()
  }
  const parts = { services: { ...services, em }, queues, feed, dataDir: server.config.dataDir, pools: {} }
  const hasty = createHealth(healthComponents(parts), { limitMs: 100 })
  proxy.pause()
  try {
    for (let again = 0; again < 3; again += 1) {
      const found = new Map((await hasty.look()).map(({ name, ok, detail }) => [name, { ok, detail }]))
      for (const name of ['database', 'queue']) {
        expect(found.get(name)).toEqual({ ok: false, detail: 'It did not answer within 0.1 seconds.' })
      }
      expect(found.get('workers')).toEqual({
        ok: false,
        detail: 'It cannot be known while the database does not answer.',
      })
    }
    expect(asked).toBe(1)
  } finally {
    proxy.resume()
  }
  await expect.poll(async () => (await hasty.look())[0]?.ok, { timeout: 20_000 }).toBe(true)
})

it('doctor finds the server of this machine by its port and token file, and none where none runs', async () => {
  const { port } = new URL(server.url)
  const here = { DATA_DIR: server.config.dataDir, PORT: port }
  const ask = (env: Readonly<Record<string, string>>) =>
    askServer({ config: readConfig(env), url: undefined, tokenFile: undefined, signal: new AbortController().signal })
  expect(await ask(here)).toMatchObject({ url: `http://127.0.0.1:${port}`, version: expect.any(String) })
  expect(await ask({ ...here, PORT: '0' })).toBeNull()
  const unused = createServer().listen(0, '127.0.0.1')
  await once(unused, 'listening')
  const { port: closed } = unused.address() as AddressInfo
  await new Promise((resolve) => unused.close(resolve))
  expect(await ask({ ...here, PORT: String(closed) })).toBeNull()
  // Not a server of ours: it is sent no token.
  expect(await ask({ ...here, PORT: String((refusing.address() as AddressInfo).port) })).toMatchObject({
    checks: [{ name: 'server', status: 'missing', detail: expect.stringContaining('no Countersign server') }],
  })
  // A token that it does not know: what has failed is told all the same.
  const stranger = await ask({ ...here, COUNTERSIGN_TOKEN: 'nobody' })
  expect(stranger?.checks[0]).toMatchObject({
    name: 'server',
    status: 'limited',
    detail: expect.stringContaining('Not signed in'),
  })
  expect(stranger?.checks.find(({ name }) => name === 'workers')).toMatchObject({ status: 'missing' })
})

it('when the database goes away the server stays up and says what is wrong, to everybody without details', async () => {
  await database.drop()
  const { http, status, failed } = await ready()
  expect({ http, status }).toEqual({ http: 503, status: 'failed' })
  expect(failed).toEqual(expect.arrayContaining(['database', 'queue', 'migrations', 'workers']))
  const alive = await fetch(`${server.url}/healthz`)
  expect(alive.status).toBe(200)
  const { status: answered } = await server.request('{ projects { nodes { id } } }')
  expect(answered).toBe(500)
  const parts = { ...server.context, dataDir: server.config.dataDir, pools: {} }
  const [first] = await createHealth(healthComponents(parts)).look()
  expect(first).toMatchObject({ name: 'database', ok: false, detail: expect.stringContaining('does not exist') })
  const { exitCode, failed: red } = await examine()
  expect(exitCode).toBe(1)
  expect(red).toContainEqual(
    expect.objectContaining({ name: 'database', status: 'missing', remedy: expect.stringContaining('DATABASE_URL') }),
  )
})
