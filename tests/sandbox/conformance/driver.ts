import { afterAll, describe } from 'vitest'
import type { SandboxOptions } from '../../../src/adapters/sandbox/select.ts'
import { createFixture, type Fixture, reasonToSkip } from '../sandbox-fixture.ts'

/** A driver that isolates, and what about it differs from the others without breaking a promise. */
export interface Driver {
  readonly name: 'bubblewrap' | 'docker'
  /** Whether the kernel itself holds the bounds of a workspace; otherwise they are looked at while a command runs. */
  readonly boundsWorkspaces: boolean
  readonly options: Partial<SandboxOptions>
  /** The ways in which it can hold the limit on memory. */
  readonly memory: readonly NonNullable<SandboxOptions['memory']>[]
  /** Namespaces that are not the server's. */
  readonly namespaces: readonly string[]
  /** Calls that its filter may be too old to know by name; no command has the right to use them. */
  readonly unknownCalls: readonly string[]
  /** Waits, in milliseconds, that end a run at each stage of its start. */
  readonly abortDelays: readonly number[]
}

const bubblewrap: Driver = {
  name: 'bubblewrap',
  boundsWorkspaces: true,
  options: {},
  memory: ['auto', 'watch'],
  namespaces: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'],
  unknownCalls: [],
  abortDelays: [0, 1, 3, 6, 10, 15, 20, 25, 30, 35, 40, 60],
}

const docker: Driver = {
  name: 'docker',
  boundsWorkspaces: true,
  options: {},
  memory: ['auto'],
  // Its users are the machine's own, without a right on anything of it.
  namespaces: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'],
  unknownCalls: ['open_tree_attr', 'mount_setattr', 'quotactl_fd', 'memfd_secret', 'process_madvise'],
  abortDelays: [0, 10, 60, 120, 180, 220, 260, 300, 400],
}

export const drivers = [bubblewrap, docker] as const

/** For what depends on how a workspace is made: also as on a machine where nothing can be overlaid. */
export const workspaceDrivers = [
  bubblewrap,
  { ...bubblewrap, boundsWorkspaces: false, options: { workspaces: 'copy' } },
  docker,
] as const satisfies readonly Driver[]

/** The same cases for every driver that this machine offers; one that it does not is skipped, with the reason. */
export async function describeDrivers(
  title: string,
  cases: (driver: Driver, fixture: Fixture) => void | Promise<void>,
  on: readonly Driver[] = drivers,
): Promise<void> {
  for (const driver of on) {
    const skipReason = await reasonToSkip(driver.name)
    const note = skipReason === null ? '' : ` (skipped: ${skipReason})`
    const way = driver.boundsWorkspaces ? driver.name : `${driver.name} with copies`
    describe.skipIf(skipReason !== null)(`${title}, by ${way}${note}`, async () => {
      const fixture = await createFixture({ driver: driver.name, ...driver.options })
      afterAll(() => fixture[Symbol.asyncDispose]())
      await cases(driver, fixture)
    })
  }
}
