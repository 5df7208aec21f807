import type { SandboxAvailability } from '../ports/sandbox.ts'
import type { Services } from '../shared/services.ts'
import { livingWorkers } from './read-processes.ts'

const testers = async (services: Pick<Services, 'em'>) =>
  (await livingWorkers(services)).filter(({ pool }) => pool === 'tests')

/** Whether a living worker of the pool `tests` other than this process can isolate them. */
export const othersCanTest = async (services: Pick<Services, 'em' | 'processName'>): Promise<boolean> =>
  (await testers(services)).some(({ name, sandbox }) => name !== services.processName && sandbox.available)

/**
 * Whether tests can be isolated where they are run, which is in the workers of the pool `tests`: one that can is
 * enough. Their signs of life say so; where this process is one of them, it looks itself.
 * @returns null when no worker of that pool is alive: what there is to be tested waits for one
 */
export const testingSandbox = async (
  services: Pick<Services, 'em' | 'processName' | 'sandbox'>,
): Promise<SandboxAvailability | null> => {
  const workers = await testers(services)
  const said = await Promise.all(
    workers.map(({ name, sandbox }) => (name === services.processName ? services.sandbox.availability() : sandbox)),
  )
  return said.find(({ available }) => available) ?? said[0] ?? null
}

/** What a person is told while tests wait for somebody to run them. */
export const nobodyTests =
  'No worker of the pool tests is running: tests wait until one is started, as `countersign worker --pool tests` does.'
