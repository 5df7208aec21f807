import type { LoopbackDoor } from '../../domain/ports/model-gateway.ts'
import type { SandboxLimits, SetUpLimits } from '../../domain/ports/sandbox.ts'
import type { CommandUser } from './command-user.ts'
import { fixedLimits } from './default-limits.ts'
import { doorBindings } from './docker-door.ts'
import { type DockerWorkspace, workspaceBindings } from './docker-workspace.ts'

/** What a container is made for. */
export interface ContainerPlan {
  readonly image: string
  readonly workspace: DockerWorkspace
  readonly limits: SandboxLimits
  /** Who writes in the workspace. */
  readonly user: CommandUser
  readonly door?: LoopbackDoor | undefined
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
/** Inodes of the workspace's file system itself. */
const OWN_FILES = 1
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
  const { limits, user, workspace } = plan
  const lifetime = Math.ceil((limits.wallMs + limits.graceMs) / 1_000) + LIFETIME_MARGIN_S
  // What the command begins with lies in the container's memory too, and is not what it may use.
  const memory = limits.memoryBytes + workspace.size.bytes
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
      Mounts: [...workspaceBindings(workspace), ...doorBindings(plan.door)].map(([source, target]) => ({
        Type: 'bind',
        Source: source,
        Target: target,
        ReadOnly: true,
        BindOptions: { Propagation: 'rprivate' },
      })),
      Tmpfs: {
        '/tmp': `rw,exec,nosuid,nodev,mode=1777,size=${limits.temporaryBytes}`,
        [INSIDE_WORKSPACE]: [
          ...['rw', 'exec', 'nosuid', 'nodev', 'mode=0755', `uid=${user.uid}`, `gid=${user.gid}`],
          `size=${limits.workspaceBytes + workspace.size.bytes}`,
          `nr_inodes=${limits.workspaceFiles + workspace.size.entries + OWN_FILES}`,
        ].join(','),
      },
      ShmSize: fixedLimits.sharedMemoryBytes,
      Memory: memory,
      // With swap: so none.
      MemorySwap: memory,
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

/** What a container for setup commands is made for. */
export interface SetUpContainerPlan extends Pick<ContainerPlan, 'image' | 'seccompProfile' | 'owner'> {
  /** The real path of what becomes the layer's workspace. */
  readonly workspace: string
  readonly limits: SetUpLimits
}

/** What a package manager and the scripts of packages do: give files and processes to the system's users. */
const SETUP_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETFCAP', 'SETGID', 'SETUID'] as const
/** In bytes; not part of the image that is made of the container. */
const SETUP_TEMPORARY_BYTES = 1024 * 1024 * 1024

/** The same for setup commands: with network, and with a system that they may change. */
export function setUpContainerSpec({ image, workspace, limits, seccompProfile, owner }: SetUpContainerPlan): object {
  return {
    Image: image,
    Entrypoint: ['/bin/sh', '-c', FIRST_PROCESS, 'init', String(Math.ceil(limits.wallMs / 1_000) + LIFETIME_MARGIN_S)],
    Cmd: [],
    User: '0:0',
    WorkingDir: '/',
    Hostname: 'setup',
    Labels: { [OWNER_LABEL]: owner },
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      NetworkMode: 'bridge',
      IpcMode: 'private',
      CgroupnsMode: 'private',
      UsernsMode: 'host',
      CapDrop: ['ALL'],
      CapAdd: SETUP_CAPABILITIES,
      SecurityOpt: ['no-new-privileges', `seccomp=${seccompProfile}`],
      MaskedPaths: MASKED_PATHS.filter((path) => path !== '/etc/resolv.conf'),
      Mounts: [{ Type: 'bind', Source: workspace, Target: INSIDE_WORKSPACE, BindOptions: { Propagation: 'rprivate' } }],
      Tmpfs: { '/tmp': `rw,exec,nosuid,nodev,mode=1777,size=${SETUP_TEMPORARY_BYTES}` },
      ShmSize: fixedLimits.sharedMemoryBytes,
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      PidsLimit: limits.processes + HELPERS,
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
  readonly user: CommandUser
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
