import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SandboxCommand, SandboxResult } from '../../domain/ports/sandbox.ts'
import { type Cgroup, type CgroupPlaces, createCgroup } from './cgroup.ts'
import { openChannels } from './channels.ts'
import { fixedLimits } from './default-limits.ts'
import { createEnder } from './end-sandbox.ts'
import { SYSTEM_PATH } from './find-program.ts'
import { judgeEnding } from './judge-ending.ts'
import { planStage } from './plan-stage.ts'
import { watchResidentMemory } from './resident-memory.ts'
import { bubblewrapOptions, type RootImage, syntheticFiles } from './root-image.ts'
import { seccompProgram } from './seccomp.ts'
import { type Stage, stagedCommand, stagedPath } from './stage.ts'
import { followStatus } from './status.ts'
import { supervise } from './supervise.ts'
import type { Architecture } from './syscalls.ts'
import type { Toolchain } from './toolchains.ts'

/** How commands are confined on this machine: found out once. */
export interface Confinement {
  readonly bubblewrap: string
  readonly prlimit: string
  readonly setpriv: string
  readonly architecture: Architecture
  readonly toolchains: readonly Toolchain[]
  /** Null where the server's own user runs the commands. */
  readonly user: { readonly uid: number; readonly gid: number } | null
  /** Null where memory is watched instead. */
  readonly cgroups: CgroupPlaces | null
  readonly inheritedDescriptors: readonly number[]
}

/**
 * The sandbox's first process: it starts the command, reaps orphans, and ends with the command's status, and all others
 * with it. It keeps one harmless capability, so that the command, which has none, may not touch its memory: bubblewrap's
 * own first process keeps none, and a command could write any status into it. A shell obeys
 * SIGINT unless it is told otherwise, and its remarks on signals are not the command's.
 */
const FIRST_PROCESS = 'trap : INT; exec 9>&2 2>/dev/null; (exec "$@" 2>&9 9>&-); exit $?'

/** The command's descriptors by number; bubblewrap closes all but the first three. */
const SECCOMP = 3
const OPTIONS = 4
const STATUS = 5
const FIRST_FILE = 6
export const FIRST_UNUSED_DESCRIPTOR = FIRST_FILE + Object.keys(syntheticFiles).length

/**
 * Runs one command in bubblewrap.
 * @param workspace the real path of the command's workspace
 * @throws SandboxUnavailableError when bubblewrap could not make the sandbox
 */
export async function runInBubblewrap(
  confinement: Confinement,
  command: SandboxCommand,
  workspace: string,
): Promise<SandboxResult> {
  const cgroup = confinement.cgroups && createCgroup(confinement.cgroups, command.limits)
  try {
    const stage = await planStage({ ...confinement, workspace, cgroups: cgroup?.directories ?? [] })
    return await runStaged(confinement, command, stage, { workspace, cgroup })
  } finally {
    cgroup?.remove()
  }
}

async function runStaged(
  confinement: Confinement,
  command: SandboxCommand,
  stage: Stage,
  { workspace, cgroup }: { workspace: string; cgroup: Cgroup | null },
): Promise<SandboxResult> {
  const filePaths = Object.keys(syntheticFiles)
  const options = bubblewrapOptions({
    ...shownToolchains(confinement.toolchains, stage),
    workspace: stagedPath(stage, workspace),
    environment: command.environment ?? {},
    fileDescriptors: Object.fromEntries(filePaths.map((path, index) => [path, FIRST_FILE + index])),
    inheritedDescriptors: confinement.inheritedDescriptors,
    seccompDescriptor: SECCOMP,
    statusDescriptor: STATUS,
  })
  const channels = await openChannels(command.stdin, [
    seccompProgram(confinement.architecture, { refuseUncountedMemory: cgroup === null }),
    options.map((option) => `${option}\0`).join(''),
    '',
    ...Object.values(syntheticFiles),
  ])
  const [seccomp, optionList, empty, ...files] = channels.payloads
  const stdio: (number | 'ignore' | 'pipe' | undefined)[] = [
    channels.stdin ?? 'ignore',
    channels.stdout,
    channels.stderr,
  ]
  stdio.push(seccomp, optionList, 'pipe', ...files)
  for (const descriptor of confinement.inheritedDescriptors) stdio[descriptor] = empty
  const { argv, environment } = stagedCommand(stage, [
    ...[confinement.bubblewrap, '--args', String(OPTIONS), '--'],
    ...['/bin/sh', '-c', FIRST_PROCESS, 'init'],
    ...[confinement.setpriv, '--bounding-set=-all', '--ambient-caps=-all', '--inh-caps=-all'],
    ...[confinement.prlimit, ...limitOptions(command), '--', ...command.argv],
  ])
  const [program = '', ...rest] = argv
  const child = spawn(program, rest, {
    cwd: '/',
    env: Object.keys(environment).length === 0 ? {} : { ...environment, PATH: SYSTEM_PATH },
    // Array.from turns the gaps between inherited descriptors into entries.
    stdio: Array.from(stdio, (entry) => entry ?? 'ignore'),
    // A process group of its own, to end what runs before there is a sandbox.
    detached: true,
  })
  channels.release()
  const status = followStatus((child.stdio as readonly unknown[])[STATUS] as Readable)
  const memory = { exceeded: false }
  const end = createEnder(child.pid, status, cgroup)
  const setup = setTimeout(end.kill, fixedLimits.setupMs)
  const begun = status.begun.then(() => clearTimeout(setup))
  const stopWatch =
    cgroup !== null || child.pid === undefined
      ? () => {}
      : watchResidentMemory(child.pid, command.limits.memoryBytes, () => {
          memory.exceeded = true
          end.kill()
        })
  try {
    const ending = await supervise({
      child,
      outputs: channels.outputs,
      command,
      begun,
      kill: end.kill,
      clear: async () => {
        stopWatch()
        await end.clear()
      },
    })
    memory.exceeded ||= cgroup?.ranOutOfMemory() ?? false
    return { ...judgeEnding(ending, status, memory.exceeded, command), driver: 'bubblewrap' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall?.startsWith('spawn') !== true) throw error
    throw new SandboxUnavailableError(`${program} could not be started: ${(error as Error).message}`)
  } finally {
    stopWatch()
    clearTimeout(setup)
  }
}

function limitOptions({ limits }: SandboxCommand): readonly string[] {
  return [
    // The sandbox's first process has the same user.
    `--nproc=${limits.processes + 1}`,
    `--fsize=${limits.fileBytes}`,
    `--nofile=${fixedLimits.openFiles}`,
    '--core=0',
  ]
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
