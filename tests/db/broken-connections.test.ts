import { afterAll, beforeAll, expect, it } from 'vitest'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let orm: Orm
let other: Orm
beforeAll(async () => {
  database = await createTestDatabase()
  orm = await createOrm(database.url, 2)
  other = await createOrm(database.url, 2)
})
afterAll(async () => {
  // Settles only when no connection is held any more.
  await Promise.all([orm.close(), other.close()])
  await database.drop()
})

const backend = async (em: Orm['em']): Promise<number> => {
  const [row] = await em.execute<{ pid: number }[]>('select pg_backend_pid() as pid')
  return Number(row?.pid)
}

it('connections that are cut in a transaction are replaced, however many there were', async () => {
  for (let round = 0; round < 5; round++) {
    const cut = orm.em.fork().transactional(async (tx) => {
      await other.em.fork().execute('select pg_terminate_backend(?)', [await backend(tx)])
      await tx.execute('select 1')
    })
    await expect(cut).rejects.toThrow(/terminat|connection error|not queryable/i)
  }
  await expect(orm.em.fork().transactional(backend)).resolves.toBeGreaterThan(0)
})

it('the database is told to end a transaction in which nothing happens for as long as a lease lasts', async () => {
  const [row] = await orm.em
    .fork()
    .execute<{ ms: string }[]>(
      `select setting as ms from pg_settings where name = 'idle_in_transaction_session_timeout'`,
    )
  expect(Number(row?.ms)).toBe(15_000)
})
