import pg from 'pg'
import { expect, it } from 'vitest'
import { createTestDatabase } from './database.ts'
import { testRedis } from './redis.ts'

it('gives every test a database of its own, also when many ask at once', async () => {
  const databases = await Promise.all(Array.from({ length: 6 }, () => createTestDatabase()))
  expect(new Set(databases.map(({ url }) => url)).size).toBe(6)
  const [first, second] = databases
  if (first === undefined || second === undefined) throw new Error('unreachable')
  await run(first.url, 'create table mine (id int)')
  await expect(run(second.url, 'select * from mine')).rejects.toThrow('does not exist')
  await Promise.all(databases.map((database) => database.drop()))
  await expect(run(first.url, 'select 1')).rejects.toThrow('does not exist')
})

it('drops a database that somebody is connected to', async () => {
  await using database = await createTestDatabase()
  const client = new pg.Client(database.url)
  const ended = new Promise((resolve) => client.on('error', resolve))
  await client.connect()
  await database.drop()
  expect(await ended).toBeInstanceOf(Error)
})

const redis = testRedis()
it.skipIf(redis.url === null)(`gives tests a Redis that evicts nothing${redis.note}`, async () => {
  const { Redis } = await import('ioredis')
  const client = new Redis(redis.url ?? '', { maxRetriesPerRequest: 1 })
  try {
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
  } finally {
    client.disconnect()
  }
})

async function run(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
