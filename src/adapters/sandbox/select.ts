import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { Sandbox, SandboxDriver } from '../../domain/ports/sandbox.ts'
import { type BubblewrapOptions, createBubblewrapSandbox } from './bubblewrap.ts'
import { createUnconfinedSandbox } from './none.ts'

export interface SandboxOptions extends BubblewrapOptions {
  /** `auto` is bubblewrap; `none` has no isolation and is never chosen unless it is named here. */
  readonly driver: 'auto' | SandboxDriver
}

/**
 * The sandbox that configuration asks for. One that cannot isolate here is made all the same:
 * it says why in `availability()`, and its `run()` throws SandboxUnavailableError.
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  return drivers[options.driver](options)
}

const drivers: Record<SandboxOptions['driver'], (options: SandboxOptions) => Sandbox> = {
  auto: createBubblewrapSandbox,
  bubblewrap: createBubblewrapSandbox,
  none: createUnconfinedSandbox,
  docker: () =>
    createUnavailableSandbox('docker', 'This build of Countersign has no docker driver.', 'set SANDBOX=bubblewrap'),
}

function createUnavailableSandbox(driver: SandboxDriver, reason: string, remedy: string): Sandbox {
  return {
    driver,
    availability: async () => ({ available: false, driver, reason, remedy }),
    run: async () => {
      throw new SandboxUnavailableError(`${reason} To fix it: ${remedy}`)
    },
  }
}
