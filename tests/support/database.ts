import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import './provided.ts'

export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  /** Removes the database, whoever is still connected to it. */
  drop(): Promise<void>
}

// Any number serves, as long as nothing else on the test server locks it.
const cloneLock = 4_119_001

/**
 * A migrated database of one's own, cloned from the run's template. Drop it, or hold it with `await using`.
 * @throws Error with what the global set-up saw when there is no database server
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const provided = inject('database')
  if ('fault' in provided) throw new Error(`There is no database for the tests: ${provided.fault}`)
  const { serverUrl, template } = provided
  const name = `countersign_test_${randomBytes(8).toString('hex')}`
  // One clone at a time: PostgreSQL refuses to clone what another clone is reading.
  const clone = `create database ${name} template ${template} strategy file_copy`
  await onServer(serverUrl, [`select pg_advisory_lock(${cloneLock})`, clone])
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const drop = async () => await onServer(serverUrl, [`drop database if exists ${name} with (force)`])
  return { url: url.href, drop, [Symbol.asyncDispose]: drop }
}

/** Runs statements one by one on a connection of their own; its locks end with it. */
async function onServer(serverUrl: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client(serverUrl)
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
