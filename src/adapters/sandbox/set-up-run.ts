import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SetUpLimits } from '../../domain/ports/sandbox.ts'
import { createCgroup } from './cgroup.ts'
import { openChannels } from './channels.ts'
import { fixedLimits } from './default-limits.ts'
import { createEnder } from './end-sandbox.ts'
import { fromShellCode } from './judge-ending.ts'
import { watchResidentMemory } from './resident-memory.ts'
import type { Confinement } from './run-bubblewrap.ts'
import { seccompProgram } from './seccomp.ts'
import type { SetUpEnding } from './set-up-commands.ts'
import { type SetUpImage, setUpOptions } from './set-up-image.ts'
import type { SetUpLog } from './set-up-log.ts'
import { followSetUp } from './set-up-process.ts'
import { type SetUpStage, setUpCommand, setUpLayerPath, setUpPath } from './set-up-stage.ts'
import { nothingFrom, startConfined } from './start-confined.ts'
import { followStatus } from './status.ts'

/** The command's descriptors by number. */
const SECCOMP = 3
const OPTIONS = 4
const STATUS = 5

/** A place that is ready for commands. */
export interface BubblewrapPlace {
  readonly confinement: Confinement
  readonly limits: SetUpLimits
  /** Null: bubblewrap makes a user namespace of the server's own user. */
  readonly stage: Omit<SetUpStage, 'cgroups'> | null
  /** By its path inside, each directory of the layer that is under way. */
  readonly own: Pick<SetUpImage, 'workspace' | 'temporary' | 'etc' | 'opt' | 'variable'>
  /** Directories of the machine, read-only. */
  readonly shown: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Runs one setup command in bubblewrap. @throws SandboxUnavailableError when its place could not be made */
export async function runSetUpCommand(
  { confinement, limits, stage, own, shown, environment }: BubblewrapPlace,
  argv: readonly string[],
  log: SetUpLog,
  signal: AbortSignal,
): Promise<SetUpEnding> {
  const cgroup = confinement.cgroups && createCgroup(confinement.cgroups, limits)
  try {
    const staged = stage && { ...stage, cgroups: cgroup?.entrances ?? [] }
    const reach = (directory: string) => (staged === null ? directory : setUpPath(staged, directory))
    const options = setUpOptions({
      workspace: reach(own.workspace),
      temporary: reach(own.temporary),
      etc: reach(own.etc),
      opt: reach(own.opt),
      variable: reach(own.variable),
      layered: (staged?.layered ?? []).map(({ target }, index) => ({ source: setUpLayerPath(index), target })),
      shown: shown.map((target) => ({ source: reach(target), target })),
      isOwnUser: staged === null,
      environment,
      inheritedDescriptors: confinement.inheritedDescriptors,
      seccompDescriptor: SECCOMP,
      statusDescriptor: STATUS,
    })
    const inside = [
      ...[confinement.bubblewrap, '--args', String(OPTIONS), '--', confinement.prlimit],
      ...[`--fsize=${limits.fileBytes}`, `--nofile=${fixedLimits.openFiles}`, '--core=0', '--', ...argv],
    ]
    const channels = await openChannels(undefined)
    const { child, report } = startConfined({
      ...(staged === null ? { argv: inside, environment: {} } : setUpCommand(staged, inside)),
      channels,
      contents: {
        // The machine's network is theirs, but no socket of a service on it, with a name in the file system or without.
        [SECCOMP]: seccompProgram(confinement.architecture, {
          refuseUncountedMemory: cgroup === null,
          refuseLocalSockets: true,
        }),
        [OPTIONS]: options.map((option) => `${option}\0`).join(''),
        ...nothingFrom(confinement.inheritedDescriptors),
      },
      reports: [STATUS],
    })
    const status = followStatus(report(STATUS))
    const end = createEnder(child.pid, status, cgroup)
    const memory = { isExceeded: false }
    const stopWatch =
      cgroup !== null || child.pid === undefined
        ? () => {}
        : watchResidentMemory(child.pid, limits.memoryBytes, () => {
            memory.isExceeded = true
            end.kill()
          })
    try {
      const ended = await followSetUp(
        { child, outputs: channels.outputs, log },
        { signal, kill: end.kill, clear: end.clear },
      )
      const code = status.exitCode()
      const isOutOfMemory = memory.isExceeded || (cgroup?.ranOutOfMemory() ?? false)
      if (code !== null) return { ...fromShellCode(code), isOutOfMemory }
      if (status.init() !== null || signal.aborted) {
        return { exitCode: null, signal: ended.signal ?? 'SIGKILL', isOutOfMemory }
      }
      throw new SandboxUnavailableError(
        `The place for setup commands could not be made: ${log.text().trim().slice(-1_000)}`,
      )
    } finally {
      stopWatch()
    }
  } finally {
    cgroup?.remove()
  }
}
