import type { Pool, PoolClient } from 'pg'

/**
 * Gives connections back to their pool that end while somebody has them. Kysely keeps the place of one whose rollback
 * failed for ever, as it does once the connection is gone: ten of them, and nobody gets a connection any more.
 */
export const returnBrokenConnections = (pool: Pool): void => {
  const taken = new Set<PoolClient>()
  pool.on('acquire', (client) => taken.add(client))
  pool.on('release', (_error, client) => taken.delete(client))
  pool.on('connect', (client) => {
    client.once('end', () => {
      if (!taken.has(client)) return
      const { release } = client
      // Whoever has it may give it back as well.
      client.release = () => {}
      release(true)
    })
  })
}
