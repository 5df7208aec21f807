import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, watch } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import type { SandboxOptions } from '../../../src/adapters/sandbox/select.ts'
import { createFixture, type Fixture, reasonToSkip } from '../sandbox-fixture.ts'

/** A driver that isolates, and what about it differs from the others without breaking a promise. */
export interface Driver {
  readonly name: 'bubblewrap' | 'docker'
  /** The ways in which it can hold the limit on memory. */
  readonly memory: readonly NonNullable<SandboxOptions['memory']>[]
  /** Namespaces that are not the server's. */
  readonly namespaces: readonly string[]
  /** Calls that its filter may be too old to know by name; no command has the right to use them. */
  readonly unknownCalls: readonly string[]
  /** Waits, in milliseconds, that end a run at each stage of its start. */
  readonly abortDelays: readonly number[]
}

const drivers: readonly Driver[] = [
  {
    name: 'bubblewrap',
    memory: ['auto', 'watch'],
    namespaces: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'],
    unknownCalls: [],
    abortDelays: [0, 1, 3, 6, 10, 15, 20, 25, 30, 35, 40, 60],
  },
  {
    name: 'docker',
    memory: ['auto'],
    // Its users are the machine's own, without a right on anything of it.
    namespaces: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'],
    unknownCalls: ['open_tree_attr', 'mount_setattr', 'quotactl_fd', 'memfd_secret', 'process_madvise'],
    abortDelays: [0, 10, 60, 120, 180, 220, 260, 300, 400],
  },
]

/** The same cases for every driver that this machine offers; one that it does not is skipped, with the reason. */
export async function describeDrivers(
  title: string,
  cases: (driver: Driver, fixture: Fixture) => void | Promise<void>,
): Promise<void> {
  for (const driver of drivers) {
    const skipReason = await reasonToSkip(driver.name)
    const note = skipReason === null ? '' : ` (skipped: ${skipReason})`
    describe.skipIf(skipReason !== null)(`${title}, by ${driver.name}${note}`, async () => {
      const fixture = await createFixture({ driver: driver.name })
      afterAll(() => fixture[Symbol.asyncDispose]())
      await cases(driver, fixture)
    })
  }
}

/** A further workspace of a fixture, empty. */
export async function freshWorkspace({ privateDirectory }: Fixture): Promise<string> {
  const workspace = join(privateDirectory, randomBytes(8).toString('hex'))
  await mkdir(workspace)
  return workspace
}

/** Waits until a command has made a file in its workspace. */
export async function fileIn(workspace: string, name: string): Promise<void> {
  const changes = watch(workspace, { signal: AbortSignal.timeout(20_000) })
  if (existsSync(join(workspace, name))) return
  for await (const { filename } of changes) {
    if (filename === name) return
  }
}
