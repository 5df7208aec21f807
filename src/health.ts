import { sql } from 'kysely'
import type { Context } from './context.ts'
import { nobodyTests, testingSandbox } from './domain/process/testing-sandbox.ts'
import { rows } from './domain/shared/database.ts'
import type { Pool } from './jobs/job.ts'
import type { ComponentHealth } from './schema/context.ts'

const timed = async (name: string, check: () => Promise<string | null>, isNeeded = true): Promise<ComponentHealth> => {
  const startedAt = performance.now()
  const latency = () => Math.round((performance.now() - startedAt) * 10) / 10
  try {
    const detail = await check()
    return { name, ok: true, isNeeded, detail, latencyMs: latency() }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return { name, ok: false, isNeeded, detail, latencyMs: latency() }
  }
}

/**
 * Whether the parts work. Migrations were looked at when the process started.
 * @param pools those that this process runs: tests need a sandbox where they are run, and nowhere else
 */
export const checkHealth = (
  { services, queues }: Context,
  pools: Partial<Record<Pool, number>>,
): Promise<readonly ComponentHealth[]> =>
  Promise.all([
    timed('database', async () => {
      await sql`select 1`.execute(rows(services.em()))
      return null
    }),
    timed('queue', async () => {
      await queues.ping()
      return queues.backend
    }),
    timed(
      'sandbox',
      async () => {
        const found = pools.tests ? await services.sandbox.availability() : await testingSandbox(services)
        if (!found) throw new Error(nobodyTests)
        if (!found.available) throw new Error(`${found.reason} ${found.remedy}`)
        return found.detail
      },
      pools.tests !== undefined,
    ),
    timed('models', async () => {
      const { configured } = services.models
      if (configured.length === 0) throw new Error('No provider is configured.')
      return configured.map(({ provider, rehearsal }) => (rehearsal ? `${provider} (rehearsal)` : provider)).join(', ')
    }),
  ])
