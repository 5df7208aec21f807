import { sql } from 'kysely'
import type { Context } from './context.ts'
import { rows } from './domain/shared/database.ts'
import type { ComponentHealth } from './schema/context.ts'

const timed = async (name: string, check: () => Promise<string | null>): Promise<ComponentHealth> => {
  const startedAt = performance.now()
  const latency = () => Math.round((performance.now() - startedAt) * 10) / 10
  try {
    const detail = await check()
    return { name, ok: true, detail, latencyMs: latency() }
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error), latencyMs: latency() }
  }
}

/** What this process needs to do its work. Migrations were looked at when it started. */
export const checkHealth = ({ services, queues }: Context): Promise<readonly ComponentHealth[]> =>
  Promise.all([
    timed('database', async () => {
      await sql`select 1`.execute(rows(services.em()))
      return null
    }),
    timed('queue', async () => {
      await queues.ping()
      return queues.backend
    }),
    timed('sandbox', async () => {
      const found = await services.sandbox.availability()
      if (!found.available) throw new Error(`${found.reason} ${found.remedy}`)
      return found.detail
    }),
    timed('models', async () => {
      const { configured } = services.models
      if (configured.length === 0) throw new Error('No provider is configured.')
      return configured.map(({ provider, rehearsal }) => (rehearsal ? `${provider} (rehearsal)` : provider)).join(', ')
    }),
  ])
