import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { migrate, pendingMigrations } from '../../src/adapters/db/migrate.ts'
import { createOrm } from '../../src/adapters/db/orm.ts'
import { awaitDatabase } from '../../src/await-backends.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

/** A database of its own without anything in it. */
const emptied = async (): Promise<TestDatabase> => {
  const empty = await createTestDatabase()
  const client = new pg.Client(empty.url)
  await client.connect()
  await client.query('drop schema public cascade; drop schema if exists bullmq cascade; create schema public')
  await client.end()
  return empty
}

it('what the entities say is what the migrations made', async () => {
  const orm = await createOrm(database.url)
  try {
    expect(await orm.schema.getUpdateSchemaSQL({ wrap: false })).toBe('')
  } finally {
    await orm.close()
  }
})

it('four processes that migrate an empty database at once all succeed, and each migration ran once', async () => {
  await using empty = await emptied()
  const done = await Promise.all([1, 2, 3, 4].map(() => migrate(empty.url)))
  const ran = done.flat()
  expect(ran.length).toBeGreaterThan(0)
  expect(new Set(ran).size).toBe(ran.length)
  expect(await pendingMigrations(empty.url)).toEqual([])
  expect(await migrate(empty.url)).toEqual([])
})

it('a database of an earlier version keeps its rows, and later claims have larger fences than any before', async () => {
  await using earlier = await emptied()
  const orm = await createOrm(earlier.url)
  try {
    await orm.migrator.up({ to: 'Migration20261121235700_webhooks' })
  } finally {
    await orm.close()
  }
  const client = new pg.Client(earlier.url)
  await client.connect()
  try {
    await client.query(`
      insert into lease (resource, owner, fence, until, again)
        values ('sprint:1', 'another', 41, now() + interval '1 hour', false), ('sprint:2', 'another', 7, now(), true);
      insert into outbox (job, payload, created_at, published_at)
        values ('advance-sprint', '{"sprintId": "1"}', now(), null), ('advance-sprint', '{"sprintId": "2"}', now(), now());
      insert into event (at, project_id, body) values (now(), '00000000-0000-4000-8000-000000000000', '{}')`)
    await migrate(earlier.url)
    const { rows } = await client.query(`
      select (select json_agg(fence order by fence) from lease where claimed_at <= now()) as fences,
        (select count(*)::int from outbox where project_id is null and published_at is null) as waiting,
        (select count(*)::int from event where (xid, id) > (select xid, event_id from event_horizon)) as readable,
        nextval('lease_fence')::int as next`)
    expect(rows).toEqual([{ fences: [7, 41], waiting: 1, readable: 1, next: expect.any(Number) }])
    expect(rows[0]?.next).toBeGreaterThan(41)
  } finally {
    await client.end()
  }
})

it('a process that finds a database without the migrations waits, says what to do, and changes nothing in it', async () => {
  await using empty = await emptied()
  const stop = new AbortController()
  const said: string[] = []
  const warn = (_fields: object, message: string) => {
    said.push(message)
    stop.abort(new Error('Enough waited.'))
  }
  const waiting = awaitDatabase(empty.url, false, { log: { warn, info() {} }, signal: stop.signal })
  await expect(waiting).rejects.toThrow('Enough waited.')
  expect(said).toEqual([expect.stringMatching(/it lacks \d+ migrations, which `countersign migrate` brings$/)])
  const client = new pg.Client(empty.url)
  await client.connect()
  const { rows } = await client.query(
    `select table_name from information_schema.tables where table_schema in ('public', 'bullmq')`,
  )
  await client.end()
  expect(rows).toEqual([])
})
