import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { Sandbox, SandboxAvailability } from '../../domain/ports/sandbox.ts'
import { findCgroupPlaces, sweepCgroups } from './cgroup.ts'
import { checkCommand } from './check-command.ts'
import { defaultLimits } from './default-limits.ts'
import { findProgram, SYSTEM_PATH } from './find-program.ts'
import { inheritedDescriptors } from './inherited-descriptors.ts'
import { namespaceRemedy } from './namespace-remedy.ts'
import { type Confinement, FIRST_UNUSED_DESCRIPTOR, runInBubblewrap } from './run-bubblewrap.ts'
import { neverStarted } from './supervise.ts'
import { findToolchains, isWithin } from './toolchains.ts'

export interface BubblewrapOptions {
  /** The server's PATH: where toolchains, and bubblewrap if it is not named, are looked for. */
  readonly searchPath: string
  /** The program; found on the search path and the system's if absent. */
  readonly bubblewrap?: string
  /** Directories never shown to a command: the data directory. */
  readonly hidden?: readonly string[]
  /** Directories of further toolchains, each with a `bin`, shown read-only. */
  readonly toolchains?: readonly string[]
  /** How memory is limited; `auto`, the default, takes cgroups where it can. */
  readonly memory?: 'auto' | 'watch'
}

type Readiness =
  | { readonly confinement: Confinement; readonly detail: string }
  | { readonly confinement: null; readonly reason: string; readonly remedy: string }

/** Whom root becomes: as root, no process limit would bind, and a way out of the sandbox would lead to root. */
const NOBODY = { uid: 65_534, gid: 65_534 } as const

const INSTALL = 'apt-get install -y bubblewrap'

/** The driver that confines commands with bubblewrap. What it can do here is found out at the first use, and kept. */
export function createBubblewrapSandbox(options: BubblewrapOptions): Sandbox {
  let known: Promise<Readiness> | undefined
  const readiness = () => {
    known ??= prepare(options).catch((error) => {
      // What failed to be found out is not known: the next use looks again.
      known = undefined
      throw error
    })
    return known
  }
  return {
    driver: 'bubblewrap',
    async availability(): Promise<SandboxAvailability> {
      const ready = await readiness()
      return ready.confinement === null
        ? { available: false, driver: 'bubblewrap', reason: ready.reason, remedy: ready.remedy }
        : { available: true, driver: 'bubblewrap', detail: ready.detail }
    },
    async run(command) {
      const workspace = checkCommand(command)
      const ready = await readiness()
      if (ready.confinement === null) throw new SandboxUnavailableError(`${ready.reason} To fix it: ${ready.remedy}`)
      if (command.signal?.aborted) return { ...neverStarted, driver: 'bubblewrap' }
      return runInBubblewrap(ready.confinement, command, workspace)
    },
  }
}

async function prepare(options: BubblewrapOptions): Promise<Readiness> {
  if (process.platform !== 'linux') {
    return lacking(`bubblewrap runs on Linux, and this is ${process.platform}.`, 'run the server on Linux')
  }
  const { arch } = process
  if (arch !== 'x64' && arch !== 'arm64') {
    return lacking(`There is no system-call filter for the architecture ${arch}.`, 'run the server on x64 or arm64')
  }
  const search = `${options.searchPath}:${SYSTEM_PATH}`
  const bubblewrap = findProgram(options.bubblewrap ?? 'bwrap', search)
  if (bubblewrap === null) {
    return lacking(`bubblewrap (${options.bubblewrap ?? 'bwrap on PATH'}) is not installed.`, INSTALL)
  }
  const prlimit = findProgram('prlimit', SYSTEM_PATH)
  const setpriv = findProgram('setpriv', SYSTEM_PATH)
  if (prlimit === null || setpriv === null) {
    return lacking('prlimit and setpriv are not both installed.', 'apt-get install -y util-linux')
  }
  const shown = (options.hidden ?? []).find((directory) => isWithin(resolve(directory), '/usr'))
  if (shown !== undefined) {
    return lacking(`${shown} is below /usr, which every command can read.`, 'keep the data directory elsewhere')
  }
  const missing = (options.toolchains ?? []).find((directory) => !existsSync(directory))
  if (missing !== undefined) return lacking(`There is no toolchain at ${missing}.`, 'correct the list of toolchains')
  const cgroups = options.memory === 'watch' ? null : findCgroupPlaces()
  if (cgroups !== null) sweepCgroups(cgroups)
  const base = {
    bubblewrap,
    prlimit,
    setpriv,
    architecture: arch,
    toolchains: await findToolchains({
      searchPath: search,
      extra: options.toolchains ?? [],
      hidden: options.hidden ?? [],
    }),
    cgroups,
    inheritedDescriptors: inheritedDescriptors(FIRST_UNUSED_DESCRIPTOR),
  }
  const users = process.getuid?.() === 0 ? [NOBODY, null] : [null]
  const faults: string[] = []
  for (const user of users) {
    const confinement = { ...base, user }
    const outcome = await probe(confinement)
    if (outcome.works) return { confinement, detail: [describe(confinement), ...outcome.notes, ...faults].join('; ') }
    faults.push(user === null ? outcome.fault : `not as another user than root: ${outcome.fault}`)
  }
  return lacking(`bubblewrap is installed and cannot isolate: ${faults.join('; ')}.`, namespaceRemedy(bubblewrap))
}

/** Runs a command that looks whether the toolchains can be used inside. */
async function probe(
  confinement: Confinement,
): Promise<{ works: true; notes: readonly string[] } | { works: false; fault: string }> {
  const workspace = await mkdtemp(join(tmpdir(), 'countersign-probe-'))
  const programs = confinement.toolchains.map(({ program }) => program)
  try {
    const result = await runInBubblewrap(
      confinement,
      {
        argv: ['sh', '-c', 'for program; do test -x "$program" || echo "$program"; done', 'probe', ...programs],
        workspace,
        limits: defaultLimits.quick,
      },
      workspace,
    )
    if (result.exitCode !== 0) return { works: false, fault: result.stderr.trim() || `exit ${result.exitCode}` }
    const hidden = result.stdout.trim().split('\n').filter(Boolean)
    return { works: true, notes: hidden.map((program) => `${program} cannot be run by the other user`) }
  } catch (error) {
    if (!(error instanceof SandboxUnavailableError)) throw error
    return { works: false, fault: error.message }
  } finally {
    await rm(workspace, { recursive: true, force: true })
  }
}

function describe({ cgroups, user, toolchains, bubblewrap }: Confinement): string {
  const isRoot = user === null && process.getuid?.() === 0
  return [
    bubblewrap,
    user === null ? "as the server's own user" : `as uid ${user.uid}`,
    ...(isRoot && cgroups?.processes == null ? ['the number of processes is not limited for root'] : []),
    cgroups === null ? 'memory watched by resident size' : `memory limited by cgroup v${cgroups.version}`,
    `toolchains: ${toolchains.map(({ name, program }) => `${name} (${program})`).join(', ') || 'those in /usr'}`,
  ].join('; ')
}

function lacking(reason: string, remedy: string): Readiness {
  return { confinement: null, reason, remedy }
}
