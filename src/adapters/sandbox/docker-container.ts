import type { SandboxLimits } from '../../domain/ports/sandbox.ts'
import { fixedLimits } from './default-limits.ts'

/** What a container is made for. */
export interface ContainerPlan {
  readonly image: string
  /** The real path of the command's workspace on the engine's machine. */
  readonly workspace: string
  readonly limits: SandboxLimits
  /** A filter in the engine's own form. */
  readonly seccompProfile: string
  /** The server process that the container belongs to. */
  readonly owner: string
}

export const OWNER_LABEL = 'countersign.owner'
export const INSIDE_WORKSPACE = '/workspace'
export const INSIDE_HOME = '/tmp/home'

/** Members besides the command's own: the first process and its sleeper. */
const HELPERS = 2
/** The engine's own starter is a member for a moment, with its threads, before it becomes the command. */
const FEWEST_PROCESSES = 16
/** A container whose server was killed ends by itself this long after its command should have. */
const LIFETIME_MARGIN_S = 120

/**
 * The first process reaps what the command orphans, and ends alone when nobody ends it. It is root of the container
 * without any capability, so that the command, which is not, can neither signal it nor look into it.
 */
const FIRST_PROCESS = 'sleep "$1"; exit 0'

/** Beside the engine's usual ones: the machine's devices, and its name servers. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys',
  '/etc/resolv.conf',
] as const

/** The body of the engine's request to make a container in which commands can be run, and nothing else is. */
export function containerSpec(plan: ContainerPlan): object {
  const { limits } = plan
  const lifetime = Math.ceil(limits.wallMs / 1_000) + LIFETIME_MARGIN_S
  return {
    Image: plan.image,
    Entrypoint: ['/bin/sh', '-c', FIRST_PROCESS, 'init', String(lifetime)],
    Cmd: [],
    User: '0:0',
    WorkingDir: '/',
    Hostname: 'sandbox',
    Labels: { [OWNER_LABEL]: plan.owner },
    // What an image says here would run beside the command.
    Healthcheck: { Test: ['NONE'] },
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: 'none',
      IpcMode: 'private',
      CgroupnsMode: 'private',
      UsernsMode: 'host',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges', `seccomp=${plan.seccompProfile}`],
      MaskedPaths: MASKED_PATHS,
      Mounts: [
        {
          Type: 'bind',
          Source: plan.workspace,
          Target: INSIDE_WORKSPACE,
          BindOptions: { Propagation: 'rprivate' },
        },
      ],
      Tmpfs: { '/tmp': `rw,exec,nosuid,nodev,mode=1777,size=${fixedLimits.temporaryBytes}` },
      ShmSize: fixedLimits.sharedMemoryBytes,
      Memory: limits.memoryBytes,
      // With swap: so none.
      MemorySwap: limits.memoryBytes,
      PidsLimit: Math.max(limits.processes, FEWEST_PROCESSES) + HELPERS,
      Ulimits: [
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'fsize', Soft: limits.fileBytes, Hard: limits.fileBytes },
        { Name: 'nofile', Soft: fixedLimits.openFiles, Hard: fixedLimits.openFiles },
      ],
      LogConfig: { Type: 'none' },
      RestartPolicy: { Name: 'no' },
    },
  }
}

/** The body of the request to run one command in it. */
export function execSpec(command: {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly user: { readonly uid: number; readonly gid: number }
  readonly hasInput: boolean
}): object {
  // The image's own variables stay, PATH among them: what is installed in it may need them.
  const { PATH: _, ...environment } = command.environment
  return {
    User: `${command.user.uid}:${command.user.gid}`,
    WorkingDir: INSIDE_WORKSPACE,
    Env: Object.entries({ ...environment, HOME: INSIDE_HOME, LANG: 'C.UTF-8' }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    Cmd: ['/bin/sh', '-c', 'mkdir -p "$HOME" && exec "$@"', 'sh', ...command.argv],
    AttachStdin: command.hasInput,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    Privileged: false,
  }
}
