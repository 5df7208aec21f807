import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { migrate, pendingMigrations } from '../../src/adapters/db/migrate.ts'
import { createOrm } from '../../src/adapters/db/orm.ts'
import { readConfig } from '../../src/config.ts'
import { start } from '../../src/start.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

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

it('a start on a database without the migrations says what to do, and changes nothing in it', async () => {
  await using empty = await emptied()
  await using directory = await temporaryDirectory()
  const config = readConfig({
    PATH: process.env.PATH,
    PORT: '0',
    DATABASE_URL: empty.url,
    DATA_DIR: directory.path,
    LOG_LEVEL: 'fatal',
  })
  const starting = start(config, { api: true, pools: {}, rehearsal: true, migrate: false })
  await expect(starting).rejects.toThrow(/lacks \d+ migrations: run `countersign migrate` first/)
  const client = new pg.Client(empty.url)
  await client.connect()
  const { rows } = await client.query(
    `select table_name from information_schema.tables where table_schema in ('public', 'bullmq') and table_name <> 'migration'`,
  )
  await client.end()
  expect(rows).toEqual([])
})
