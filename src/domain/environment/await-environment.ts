import { setTimeout as wait } from 'node:timers/promises'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { type EnvironmentState, useEnvironment } from './use-environment.ts'

const lookMs = 500

const isUnderWay = async (services: Services, id: string): Promise<boolean> => {
  const found = await rows(services.em())
    .selectFrom('Environment')
    .select('status')
    .where('id', '=', id)
    .executeTakeFirst()
  return found?.status === 'PENDING' || found?.status === 'RUNNING'
}

/**
 * The environment of an agent's own test runs, waited for while it is built. Another worker builds it, and the log is
 * there to be read meanwhile.
 * @throws the signal's reason
 */
export const awaitEnvironment = async (
  services: Services,
  on: { readonly projectId: string; readonly baseTree: string },
  signal: AbortSignal,
): Promise<Exclude<EnvironmentState, { state: 'PENDING' }>> => {
  for (;;) {
    const found = await useEnvironment(services, on, (work) => transact(services, work))
    if (found.state !== 'PENDING') return found
    while (await isUnderWay(services, found.environmentId)) await wait(lookMs, undefined, { signal })
    signal.throwIfAborted()
  }
}
