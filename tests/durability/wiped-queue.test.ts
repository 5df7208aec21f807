import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RehearsalCall } from '../../src/adapters/rehearsal/server.ts'
import { type Pool, pools } from '../../src/jobs/job.ts'
import { startRedis } from '../chaos/stores.ts'
import { sqlOf } from '../factories/gate.ts'
import { endedSprint, readyProject, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

// Whoever waits for a lost job to be late waits for longer than a test may take.
const patience = { intervalMs: 200, waitingMs: 600_000, abandonedMs: 600_000 }

/** A queue backend that a test may do anything to. */
interface Backend extends AsyncDisposable {
  readonly databaseUrl: string
  readonly env: Readonly<Record<string, string>>
  /** Removes everything that is in it. */
  wipe(): Promise<void>
  /** Ends all connections to it. */
  cut(): Promise<void>
}

const onRedis = async (): Promise<Backend> => {
  await using stack = new AsyncDisposableStack()
  const { url: databaseUrl } = stack.use(await createTestDatabase())
  const { path } = stack.use(await temporaryDirectory())
  const redis = stack.use(await startRedis(path))
  const client = new Redis(redis.url)
  client.on('error', () => {})
  stack.defer(() => client.disconnect())
  const owned = stack.move()
  return {
    databaseUrl,
    env: { REDIS_URL: redis.url },
    async wipe() {
      await client.flushall()
    },
    async cut() {
      await redis.restart(0)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const onPostgres = async (): Promise<Backend> => {
  const database = await createTestDatabase()
  const execute = async (statement: string) => {
    const client = new pg.Client(database.url)
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }
  return {
    databaseUrl: database.url,
    env: {},
    wipe: () =>
      execute(`do $$ begin execute (
        select 'truncate ' || string_agg(format('bullmq.%I', table_name), ', ') || ' cascade'
        from information_schema.tables where table_schema = 'bullmq' and table_name not like '%migration%'); end $$`),
    // What PostgreSQL's own restart does to them.
    cut: () =>
      execute(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`),
    [Symbol.asyncDispose]: () => database.drop(),
  }
}

const allPools = Object.fromEntries(pools.map((pool) => [pool, 4])) as Record<Pool, number>
// Only for what hangs.
const limit = { timeout: 30_000 }

const redisIsThere = (process.env.PATH ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'redis-server')))

/** Keeps so many calls that match waiting until they are let go. */
const gate = (count: number, matches: (call: RehearsalCall) => boolean) => {
  const reached = Promise.withResolvers<void>()
  const open = Promise.withResolvers<void>()
  let waiting = 0
  const intercept = async (call: RehearsalCall) => {
    if (!matches(call)) return undefined
    waiting += 1
    if (waiting === count) reached.resolve()
    await open.promise
    return undefined
  }
  return { reached: reached.promise, open: open.resolve, intercept }
}

const memory = async (server: TestServer) => (await sqlOf(server, 'select name from queue_memory'))[0]?.name

/** How often the job of each candidate was asked for. */
const askedFor = async (server: TestServer): Promise<Readonly<Record<string, unknown>>> => {
  const statement = `select payload ->> 'candidateId' as id, count(*)::int as times
    from outbox where job = 'run-candidate' group by payload`
  return Object.fromEntries((await sqlOf(server, statement)).map(({ id, times }) => [String(id), times]))
}

const cursorsUntilTheEnd = async (server: TestServer, after: string): Promise<string[]> => {
  const document =
    'subscription ($after: String) { events(after: $after) { __typename cursor ... on SprintChanged { status } } }'
  const cursors: string[] = []
  for await (const { data } of server.subscribe(document, { after })) {
    cursors.push(data.events.cursor)
    if (data.events.__typename === 'SprintChanged' && data.events.status === 'COMPLETED') break
  }
  return cursors
}

const cases = [
  { name: 'PostgreSQL', open: onPostgres, isThere: true, isNewAfterRestart: false },
  { name: 'Redis', open: onRedis, isThere: redisIsThere, isNewAfterRestart: true },
]

describe.each(cases)('on $name', ({ open, isThere, isNewAfterRestart }) => {
  it.skipIf(!isThere)(
    'queues that are wiped in a sprint are filled again from the rows, at once and by one process; cut connections mend',
    async () => {
      await using stack = new AsyncDisposableStack()
      const { databaseUrl, env, wipe, cut } = stack.use(await open())
      const { path: dataDir } = stack.use(await temporaryDirectory())
      const { candidates, ...others } = allPools
      const shared = { databaseUrl, env, dataDir }
      const api = stack.use(await startTestServer({ ...shared, pools: others, overrides: { patience } }))
      const { eventCursor } = await api.query('{ eventCursor }')
      const seen = cursorsUntilTheEnd(api, eventCursor)
      const sprintId = await startedSprint(api, await validatedSpec(api, await readyProject(api)))

      // Nobody takes the candidates' jobs: they wait in the queue.
      await expect.poll(async () => (await api.context.queues.jobsIn('candidates')).waiting, limit).toHaveLength(2)
      const waiting = Object.keys(await askedFor(api))
      await wipe()
      const held = gate(2, ({ role }) => role === 'coder')
      onTestFinished(() => held.open())
      stack.use(
        await startTestServer({
          ...shared,
          pools: { candidates },
          overrides: { patience, rehearsalOptions: { intercept: held.intercept } },
        }),
      )
      // The next phase: both candidates are at work.
      await held.reached
      const asked = await askedFor(api)
      expect(waiting.map((id) => asked[id])).toEqual([2, 2])
      // What only a schedule knows of, which would not ask for it for an hour.
      expect(await sqlOf(api, `select from outbox where job = 'trim-logs'`)).toHaveLength(2)

      // Again, now with jobs that are being done.
      const first = await memory(api)
      await wipe()
      await expect.poll(() => memory(api), limit).not.toBe(first)
      expect(await sqlOf(api, `select status from model_call where status not in ('SENT', 'ANSWERED')`)).toEqual([])

      const second = await memory(api)
      await cut()
      if (isNewAfterRestart) await expect.poll(() => memory(api), limit).not.toBe(second)
      else expect(await memory(api)).toBe(second)
      held.open()
      expect(await endedSprint(api, sprintId)).toBe('COMPLETED')

      const twice = `select from model_call group by scope, sequence having count(*) filter (where status = 'ANSWERED') <> 1`
      expect(await sqlOf(api, twice)).toEqual([])
      const cursors = await seen
      const stored = await sqlOf(
        api,
        `select xid || '-' || id as cursor from event where (xid, id) > ($1::text::xid8, 0) order by xid, id`,
        [eventCursor.split('-')[0]],
      )
      expect(cursors.length).toBeGreaterThan(25)
      expect(cursors).toEqual(stored.slice(0, cursors.length).map(({ cursor }) => cursor))
    },
    // Where the cut meets whoever gives up a lease, nobody else has the step until it has run out.
    120_000,
  )
})
