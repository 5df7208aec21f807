import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/adapters/db/embedded-postgres.ts'
import { containersAreRequired, findContainer } from './containers.ts'
import { fastParent, removeLeftovers, temporaryDirectory } from './temporary-directory.ts'
import './provided.ts'

const prefix = 'countersign-test-database-'
const image = 'postgres:18-alpine'

/** As the embedded one is set for tests: nothing of it need survive a crash. */
const serverSettings = [
  'max_connections=200',
  'autovacuum=off',
  'fsync=off',
  'full_page_writes=off',
  'synchronous_commit=off',
  'max_wal_size=256MB',
].flatMap((setting) => ['-c', setting])

interface TestServer {
  readonly url: string
  stop(): Promise<void>
}

/**
 * One PostgreSQL for the whole run: the one that TEST_DATABASE_URL names, else a container where Docker answers, else
 * the embedded one in a temporary directory. When there is none to be had, the tests that need one fail with the
 * reason, and no others; where containers are required, the run fails.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const undo: (() => Promise<void>)[] = []
  try {
    const server = await startServer()
    undo.unshift(server.stop)
    const template = `countersign_template_${randomBytes(6).toString('hex')}`
    await administer(server.url, `create database ${template}`)
    undo.unshift(() => administer(server.url, `drop database if exists ${template} with (force)`))
    await migrateTemplate(server.url, template)
    project.provide('database', { serverUrl: server.url, template })
  } catch (error) {
    if (containersAreRequired) throw error
    const fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stderr.write(`There is no database for the tests: ${fault}\n`)
    project.provide('database', { fault })
  }
  return async () => {
    for (const step of undo) await step()
  }
}

async function startServer(): Promise<TestServer> {
  const given = process.env.TEST_DATABASE_URL
  const found = await findContainer(image, given, startContainer)
  if ('container' in found) {
    const { container } = found
    return {
      url: container.getConnectionUri(),
      stop: async () => {
        await container.stop()
      },
    }
  }
  if (given) return { url: given, stop: async () => undefined }
  const parent = await fastParent()
  await removeLeftovers(parent, prefix)
  const scratch = await temporaryDirectory(parent, `${prefix}${process.pid}-`)
  try {
    const database = await startEmbeddedPostgres({ dataDir: scratch.path, log: () => undefined, isDurable: false })
    return {
      url: database.connectionString,
      stop: async () => {
        await database.stop()
        await rm(database.directory, { recursive: true, force: true })
        await scratch[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await scratch[Symbol.asyncDispose]()
    throw error
  }
}

async function startContainer() {
  // It takes a second to load, and most runs have no need of it.
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql')
  // The default is a word that is in the names of databases, and tests look for it in what is said.
  return await new PostgreSqlContainer(image)
    .withPassword(randomBytes(12).toString('hex'))
    .withTmpFs({ '/var/lib/postgresql': 'rw' })
    .withCommand(['postgres', ...serverSettings])
    .start()
}

async function migrateTemplate(serverUrl: string, template: string): Promise<void> {
  const file = new URL('../../src/adapters/db/migrate.ts', import.meta.url)
  if (!existsSync(file)) {
    process.stderr.write('There are no migrations yet: test databases are empty.\n')
    return
  }
  const { migrate } = (await import(file.href)) as { migrate: (url: string) => Promise<unknown> }
  const url = new URL(serverUrl)
  url.pathname = `/${template}`
  await migrate(url.href)
  // A clone is refused while anybody is connected to what is cloned.
  await administer(serverUrl, `alter database ${template} with allow_connections false`)
}

async function administer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client(serverUrl)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
