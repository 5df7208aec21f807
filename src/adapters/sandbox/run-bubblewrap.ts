import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SandboxCommand, SandboxResult } from '../../domain/ports/sandbox.ts'
import { type LaidWorkspace, withLaidWorkspace } from './bubblewrap-workspace.ts'
import { type Cgroup, type CgroupPlaces, createCgroup } from './cgroup.ts'
import { openChannels } from './channels.ts'
import type { CheckedWorkspace } from './check-command.ts'
import type { CommandUser } from './command-user.ts'
import { fixedLimits } from './default-limits.ts'
import { withDoor } from './door.ts'
import { createEnder } from './end-sandbox.ts'
import type { FifoPlaces } from './fifo-places.ts'
import { SYSTEM_PATH } from './find-program.ts'
import { firstProcess, READY, REMOVALS } from './first-process.ts'
import { judgeEnding } from './judge-ending.ts'
import { planStage } from './plan-stage.ts'
import { bubblewrapOptions, type RootImage, syntheticFiles } from './root-image.ts'
import { seccompProgram } from './seccomp.ts'
import { type Stage, stagedCommand, stagedPath, stagedSocket, stagedSystem, stagedWorkspace } from './stage.ts'
import { nothingFrom, startConfined } from './start-confined.ts'
import { followReadiness, followStatus } from './status.ts'
import { supervise } from './supervise.ts'
import type { Architecture } from './syscalls.ts'
import { layeredSystem } from './system-layer.ts'
import type { Toolchain } from './toolchains.ts'
import { watchExcess } from './watch-excess.ts'

/** How commands are confined on this machine: found out once. */
export interface Confinement {
  readonly bubblewrap: string
  readonly prlimit: string
  readonly setpriv: string
  readonly architecture: Architecture
  readonly toolchains: readonly Toolchain[]
  /** Null where the server's own user runs the commands. */
  readonly user: CommandUser | null
  /** Null where memory is watched instead. */
  readonly cgroups: CgroupPlaces | null
  /** In memory over directories that are shared, or copied to the host's disk. */
  readonly workspaces: 'overlay' | 'copy'
  /** Where the server puts what lives as long as a run. */
  readonly scratch: string
  /** Directories of the host that are never shown. */
  readonly hidden: readonly string[]
  readonly inheritedDescriptors: readonly number[]
  /** Where the commands' outputs go. */
  readonly pipes: FifoPlaces
}

/** The command's descriptors by number; bubblewrap closes those that its options name. */
const SECCOMP = 3
const OPTIONS = 4
const STATUS = 5
const FIRST_FILE = 8
export const FIRST_UNUSED_DESCRIPTOR = FIRST_FILE + Object.keys(syntheticFiles).length

/**
 * Runs one command in bubblewrap.
 * @throws SandboxUnavailableError when bubblewrap could not make the sandbox
 */
export async function runInBubblewrap(
  confinement: Confinement,
  command: SandboxCommand,
  workspace: CheckedWorkspace,
): Promise<SandboxResult> {
  return withLaidWorkspace(confinement, workspace, async (laid) => {
    const cgroup = confinement.cgroups && createCgroup(confinement.cgroups, withDoor(command))
    try {
      const stage = await planStage({
        ...confinement,
        laid,
        door: command.door,
        limits: command.limits,
        systems: layeredSystem(workspace.layer, confinement.hidden),
        cgroups: cgroup?.entrances ?? [],
      })
      return await runStaged(confinement, command, stage, { laid, cgroup })
    } finally {
      cgroup?.remove()
    }
  })
}

async function runStaged(
  confinement: Confinement,
  command: SandboxCommand,
  stage: Stage,
  { laid, cgroup }: { laid: LaidWorkspace; cgroup: Cgroup | null },
): Promise<SandboxResult> {
  const filePaths = Object.keys(syntheticFiles)
  const options = bubblewrapOptions({
    ...shownToolchains(confinement.toolchains, stage),
    workspace: stagedWorkspace(stage),
    systems: Object.fromEntries(stage.systems.map(({ target }) => [target, stagedSystem(target)])),
    temporaryBytes: command.limits.temporaryBytes,
    doorSocket: command.door === undefined ? null : stagedSocket(stage, command.door),
    environment: command.environment ?? {},
    fileDescriptors: Object.fromEntries(filePaths.map((path, index) => [path, FIRST_FILE + index])),
    inheritedDescriptors: confinement.inheritedDescriptors,
    seccompDescriptor: SECCOMP,
    statusDescriptor: STATUS,
  })
  const argv = stagedCommand(stage, confinement.architecture, [
    ...[confinement.bubblewrap, '--args', String(OPTIONS), '--'],
    ...firstProcess({
      hasRemovals: laid.removals.length > 0,
      door: command.door,
      // The sandbox's first process has the same user.
      limits: { fileBytes: command.limits.fileBytes, processes: withDoor(command).processes + 1 },
    }),
    ...[confinement.setpriv, '--bounding-set=-all', '--ambient-caps=-all', '--inh-caps=-all', '--', ...command.argv],
  ])
  const channels = await openChannels(command.stdin, confinement.pipes)
  const { child, report } = startConfined({
    argv,
    environment: { PATH: SYSTEM_PATH },
    channels,
    contents: {
      [SECCOMP]: seccompProgram(confinement.architecture, { refuseUncountedMemory: cgroup === null }),
      [OPTIONS]: options.map((option) => `${option}\0`).join(''),
      [REMOVALS]: laid.removals.map((path) => `./${path}\0`).join(''),
      ...Object.fromEntries(Object.values(syntheticFiles).map((content, index) => [FIRST_FILE + index, content])),
      ...nothingFrom(confinement.inheritedDescriptors),
    },
    reports: [STATUS, READY],
  })
  const status = followStatus(report(STATUS))
  const ready = followReadiness(report(READY))
  const end = createEnder(child.pid, status, cgroup)
  const setup = setTimeout(end.kill, fixedLimits.setupMs)
  const begun = ready.begun.then(() => clearTimeout(setup))
  const excess = watchExcess(child.pid, { command, laid, cgroup }, end.kill)
  try {
    const ending = await supervise({
      child,
      outputs: channels.outputs,
      command,
      begun,
      ask: end.ask,
      kill: end.kill,
      clear: async () => {
        excess.stop()
        await end.clear()
      },
    })
    const judged = judgeEnding(ending, { status, isReady: ready.isReady(), excess: excess.note() })
    return { ...judged, outOfMemory: excess.ranOutOfMemory(), driver: 'bubblewrap' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall?.startsWith('spawn') !== true) throw error
    throw new SandboxUnavailableError(`${argv[0]} could not be started: ${(error as Error).message}`)
  } finally {
    excess.stop()
    clearTimeout(setup)
  }
}

function shownToolchains(toolchains: readonly Toolchain[], stage: Stage): Pick<RootImage, 'toolchains' | 'path'> {
  const directories = [...new Set(toolchains.flatMap((toolchain) => toolchain.directories))]
  // Last, so that what is installed beside the system goes before the system's own.
  const system = ['/usr/local/bin', '/usr/bin', '/bin']
  const programs = toolchains.map((toolchain) => toolchain.binDirectory).filter((place) => !system.includes(place))
  return {
    toolchains: directories.map((target) => ({ source: stagedPath(stage, target), target })),
    path: [...new Set([...programs, ...system])].join(':'),
  }
}
