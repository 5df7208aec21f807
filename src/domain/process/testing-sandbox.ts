import type { SandboxAvailability } from '../ports/sandbox.ts'
import type { Services } from '../shared/services.ts'
import { livingWorkers } from './read-processes.ts'

/**
 * Whether tests can be isolated where they are run, which is in the workers of the pool `tests`: one that can is
 * enough. Their signs of life say so; where this process is one of them, it looks itself.
 * @returns null when no worker of that pool is alive: what there is to be tested waits for one
 */
export const testingSandbox = async (
  services: Pick<Services, 'em' | 'processName' | 'sandbox'>,
): Promise<SandboxAvailability | null> => {
  const workers = (await livingWorkers(services)).filter(({ pool }) => pool === 'tests')
  const said = await Promise.all(
    workers.map(({ name, sandbox }) => (name === services.processName ? services.sandbox.availability() : sandbox)),
  )
  return said.find(({ available }) => available) ?? said[0] ?? null
}

/** What a person is told while tests wait for somebody to run them. */
export const nobodyTests =
  'No worker of the pool tests is running: tests wait until one is started, as `countersign worker --pool tests` does.'
