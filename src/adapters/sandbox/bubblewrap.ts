import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { Sandbox, SandboxAvailability } from '../../domain/ports/sandbox.ts'
import { findCgroupPlaces, sweepCgroups } from './cgroup.ts'
import { checkCommand } from './check-command.ts'
import { type CommandUser, commandUser } from './command-user.ts'
import { defaultLimits } from './default-limits.ts'
import { createFifoPlaces } from './fifo-places.ts'
import { findProgram, SYSTEM_PATH } from './find-program.ts'
import { inheritedDescriptors } from './inherited-descriptors.ts'
import { namespaceRemedy } from './namespace-remedy.ts'
import { type Confinement, FIRST_UNUSED_DESCRIPTOR, runInBubblewrap } from './run-bubblewrap.ts'
import { withScratch } from './scratch.ts'
import { setUpInBubblewrap } from './set-up-bubblewrap.ts'
import { hasLayerDirectory, removeLayerDirectory } from './set-up-layer.ts'
import { neverStarted } from './supervise.ts'
import { findToolchains, isWithin } from './toolchains.ts'
import { writeFiles } from './write-files.ts'

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
  /** How workspaces are made; `auto`, the default, overlays them in memory where it can. */
  readonly workspaces?: 'auto' | 'copy'
  /** The server's own directory for what lives as long as a run. */
  readonly scratch: string
}

type Readiness =
  | { readonly confinement: Confinement; readonly detail: string }
  | { readonly confinement: null; readonly reason: string; readonly remedy: string }

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
    async setUp(request) {
      const ready = await readiness()
      if (ready.confinement === null) throw new SandboxUnavailableError(`${ready.reason} To fix it: ${ready.remedy}`)
      return setUpInBubblewrap(ready.confinement, options.searchPath, request)
    },
    hasLayer: hasLayerDirectory,
    removeLayer: removeLayerDirectory,
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
  if (findProgram('perl', SYSTEM_PATH) === null) {
    return lacking('perl is not installed.', 'apt-get install -y perl-base')
  }
  const shown = (options.hidden ?? []).find((directory) => isWithin(resolve(directory), '/usr'))
  if (shown !== undefined) {
    return lacking(`${shown} is below /usr, which every command can read.`, 'keep the data directory elsewhere')
  }
  const missing = (options.toolchains ?? []).find((directory) => !existsSync(directory))
  if (missing !== undefined) return lacking(`There is no toolchain at ${missing}.`, 'correct the list of toolchains')
  const cgroups = options.memory === 'watch' ? null : findCgroupPlaces()
  if (cgroups !== null) sweepCgroups(cgroups)
  const common = {
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
    scratch: options.scratch,
    hidden: options.hidden ?? [],
    inheritedDescriptors: inheritedDescriptors(FIRST_UNUSED_DESCRIPTOR),
    pipes: createFifoPlaces(),
  }
  const faults: string[] = []
  for (const way of waysFor(commandUser(), options.workspaces ?? 'auto')) {
    const confinement = { ...common, ...way }
    const outcome = await probe(confinement)
    if (outcome.works) return { confinement, detail: [describe(confinement), ...outcome.notes, ...faults].join('; ') }
    faults.push(`${nameOf(way)}: ${outcome.fault}`)
  }
  return lacking(`bubblewrap is installed and cannot isolate: ${faults.join('; ')}.`, namespaceRemedy(bubblewrap))
}

type Way = Pick<Confinement, 'user' | 'workspaces'>

/** In the order in which they are tried: another user is worth more than a quick workspace. */
function waysFor(user: CommandUser | null, workspaces: 'auto' | 'copy'): readonly Way[] {
  const copied = { user, workspaces: 'copy' } as const
  return [
    ...(workspaces === 'auto' ? [{ user, workspaces: 'overlay' } as const] : []),
    copied,
    // Files that are shared belong to the other user, so that root without the right to become it can only copy.
    ...(user === null ? [] : [{ ...copied, user: null }]),
  ]
}

function nameOf({ user, workspaces }: Way): string {
  const who = user === null && process.getuid?.() === 0 ? 'as root' : 'as the commands’ user'
  return workspaces === 'overlay' ? `not with overlays ${who}` : `not with copies ${who}`
}

/** Runs a command that changes a shared file, and looks whether the toolchains can be used inside. */
async function probe(
  confinement: Confinement,
): Promise<{ works: true; notes: readonly string[] } | { works: false; fault: string }> {
  const programs = confinement.toolchains.map(({ program }) => program)
  const script =
    'read -r word < sub/file && echo other > sub/file && for program; do test -x "$program" || echo "$program"; done'
  try {
    const result = await withScratch(confinement.scratch, async (base) => {
      const files = [{ path: 'sub/file', content: 'word\n', isExecutable: false }]
      await writeFiles(base, files, confinement.user)
      const workspace = { base, changes: [] }
      const command = { argv: ['sh', '-c', script, 'probe', ...programs], workspace, limits: defaultLimits.quick }
      return runInBubblewrap(confinement, command, { lowers: [base], changes: [], layer: null })
    })
    if (result.exitCode !== 0) return { works: false, fault: result.stderr.trim() || `exit ${result.exitCode}` }
    const hidden = result.stdout.trim().split('\n').filter(Boolean)
    return { works: true, notes: hidden.map((program) => `${program} cannot be run by the other user`) }
  } catch (error) {
    if (!(error instanceof SandboxUnavailableError)) throw error
    return { works: false, fault: error.message }
  }
}

function describe({ cgroups, user, toolchains, bubblewrap, workspaces }: Confinement): string {
  const isRoot = user === null && process.getuid?.() === 0
  return [
    bubblewrap,
    user === null ? "as the server's own user" : `as uid ${user.uid}`,
    ...(isRoot && cgroups?.processes == null ? ['the number of processes is not limited for root'] : []),
    cgroups === null ? 'memory watched by resident size' : `memory limited by cgroup v${cgroups.version}`,
    workspaces === 'overlay'
      ? 'workspaces overlaid in memory, their size and number of files limited by the kernel'
      : 'workspaces copied to disk, their size and number of files only looked at several times a second',
    `toolchains: ${toolchains.map(({ name, program }) => `${name} (${program})`).join(', ') || 'those in /usr'}`,
  ].join('; ')
}

function lacking(reason: string, remedy: string): Readiness {
  return { confinement: null, reason, remedy }
}
