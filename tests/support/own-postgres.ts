import { rm } from 'node:fs/promises'
import { startEmbeddedPostgres } from '../../src/adapters/db/embedded-postgres.ts'
import { migrate } from '../../src/adapters/db/migrate.ts'
import type { TestDatabase } from './database.ts'
import { fastParent, temporaryDirectory } from './temporary-directory.ts'

/**
 * A migrated database on a server of its own, for a test that leaves transactions open: no event of any database of a
 * server can be read while an older transaction of that server has not ended.
 */
export const startOwnPostgres = async (): Promise<TestDatabase> => {
  const scratch = await temporaryDirectory(await fastParent())
  const server = await startEmbeddedPostgres({ dataDir: scratch.path, log: () => {}, isDurable: false })
  const drop = async () => {
    await server.stop()
    await rm(server.directory, { recursive: true, force: true })
    await scratch[Symbol.asyncDispose]()
  }
  try {
    await migrate(server.connectionString)
  } catch (error) {
    await drop()
    throw error
  }
  return { url: server.connectionString, drop, [Symbol.asyncDispose]: drop }
}
