import type { Sandbox, SandboxDriver } from '../../domain/ports/sandbox.ts'
import { type BubblewrapOptions, createBubblewrapSandbox } from './bubblewrap.ts'
import { createDockerSandbox, type DockerOptions } from './docker.ts'
import { createUnconfinedSandbox } from './none.ts'

export interface SandboxOptions extends BubblewrapOptions {
  /**
   * `auto` is bubblewrap, or docker where bubblewrap cannot isolate and docker can; `none` has no isolation and is
   * never chosen unless it is named here.
   */
  readonly driver: 'auto' | SandboxDriver
  readonly docker?: DockerOptions
}

/**
 * The sandbox that configuration asks for. One that cannot isolate here is made all the same:
 * it says why in `availability()`, and its `run()` throws SandboxUnavailableError.
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  return drivers[options.driver](options)
}

const drivers: Record<SandboxOptions['driver'], (options: SandboxOptions) => Sandbox | Promise<Sandbox>> = {
  auto: createIsolatingSandbox,
  bubblewrap: createBubblewrapSandbox,
  docker: createDocker,
  none: createUnconfinedSandbox,
}

async function createIsolatingSandbox(options: SandboxOptions): Promise<Sandbox> {
  const bubblewrap = createBubblewrapSandbox(options)
  if ((await bubblewrap.availability()).available) return bubblewrap
  const docker = createDocker(options)
  return (await docker.availability()).available ? docker : bubblewrap
}

function createDocker({ docker, scratch }: SandboxOptions): Sandbox {
  return createDockerSandbox({ ...docker, scratch })
}
