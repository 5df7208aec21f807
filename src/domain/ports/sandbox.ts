/** The port to a place where untrusted commands run. */

import type { LoopbackDoor } from './model-gateway.ts'

export type SandboxDriver = 'bubblewrap' | 'docker' | 'none'

export interface SandboxLimits {
  /** Wall time in milliseconds, after which the command is asked to end. */
  readonly wallMs: number
  /** In milliseconds, from then until the whole process tree is killed. */
  readonly graceMs: number
  readonly memoryBytes: number
  readonly processes: number
  /** Kept of each of stdout and stderr, in bytes: the head and the tail, with a mark between them. */
  readonly outputBytes: number
  /** The largest file a command may write, in bytes. */
  readonly fileBytes: number
  /** What a command may add to its workspace, in bytes and in files, directories and links. */
  readonly workspaceBytes: number
  readonly workspaceFiles: number
  /** The size of its /tmp, in bytes. */
  readonly temporaryBytes: number
}

/** A file that a workspace has, or lacks, whatever its base has there. */
export interface WorkspaceChange {
  /** From the workspace's root, with slashes. */
  readonly path: string
  /** Null takes the path out, with all below it. */
  readonly content: Buffer | string | null
  readonly isExecutable?: boolean
}

/** What a command works on. The command may write everywhere in it; nothing of that is ever seen by another run. */
export interface SandboxWorkspace {
  /** A directory of the host with the files to start from, never written; null: an empty workspace. */
  readonly base: string | null
  /** Laid over the base for this command alone, in this order. */
  readonly changes: readonly WorkspaceChange[]
}

export interface SandboxCommand {
  /** Program and arguments; never passed through a shell. */
  readonly argv: readonly string[]
  /** The command's working directory; nothing else of the host's data is seen. */
  readonly workspace: SandboxWorkspace
  /**
   * A directory of a finished project environment: its `workspace` lies below the base, and its `system`, where the
   * driver has no images, over the machine's own /usr and /opt.
   */
  readonly layer?: string
  readonly limits: SandboxLimits
  readonly stdin?: string | Buffer
  /** Beside PATH, HOME and LANG, which the sandbox sets itself. */
  readonly environment?: Readonly<Record<string, string>>
  /** The image that the docker driver takes for it; the configured one if absent. Other drivers have no images. */
  readonly image?: string
  /** The command's one way out: a port of its own loopback that leads to a socket of the server. */
  readonly door?: LoopbackDoor
  readonly signal?: AbortSignal
}

export interface SandboxResult {
  /** Null when a signal ended the command. */
  readonly exitCode: number | null
  readonly signal: string | null
  /** Valid UTF-8 without NUL; other control characters as the command wrote them. */
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  readonly timedOut: boolean
  readonly canceled: boolean
  /** True when a process of it was ended for its memory, as the server saw: what the command wrote proves nothing. */
  readonly outOfMemory?: boolean
  readonly durationMs: number
  readonly driver: SandboxDriver
}

export type SandboxAvailability =
  | { readonly available: true; readonly driver: SandboxDriver; readonly detail: string }
  | { readonly available: false; readonly driver: SandboxDriver; readonly reason: string; readonly remedy: string }

/** What setup commands may use, all together. */
export interface SetUpLimits {
  readonly wallMs: number
  readonly memoryBytes: number
  readonly processes: number
  readonly fileBytes: number
  /** What they may leave, and have while they run, in bytes and in files, directories and links. */
  readonly layerBytes: number
  readonly layerFiles: number
  /** Kept of what they write, head and tail. */
  readonly logBytes: number
}

export interface SetUpRequest {
  /** A directory of the host that appears when everything is set up. */
  readonly layer: string
  readonly commands: readonly (readonly string[])[]
  /** All that the commands see of the project, in their working directory. */
  readonly keyFiles: readonly WorkspaceChange[]
  /** As for a command; what the commands change of the system is kept in an image made of it. */
  readonly image?: string
  readonly limits: SetUpLimits
  readonly signal: AbortSignal
  /** Told the whole log as it stands, now and then while it grows. */
  readonly onLog: (log: string) => void
}

export interface SetUpResult {
  /** Which command failed and how; null when the layer is there. */
  readonly failure: string | null
  /** Valid UTF-8 without NUL; other control characters as the commands wrote them. */
  readonly log: string
}

export interface Sandbox {
  readonly driver: SandboxDriver
  /** The image of commands that name none; a driver without images has none. */
  readonly image?: string
  /** Looks once whether commands can be run, by running one. */
  availability(): Promise<SandboxAvailability>
  /**
   * Runs one command; when the promise settles, no process of it is left.
   * @throws SandboxUnavailableError when there is no isolation to run it in
   */
  run(command: SandboxCommand): Promise<SandboxResult>
  /**
   * Runs setup commands one after the other, as root of a place of their own and with network, and keeps what they
   * leave. The layer is there when the promise gives no failure, and not otherwise; an earlier one is replaced.
   * @throws SandboxUnavailableError when there is nothing to run them in
   */
  setUp(request: SetUpRequest): Promise<SetUpResult>
  /** Whether a layer is there, with all that this driver needs of it. */
  hasLayer(layer: string): Promise<boolean>
  /** Removes a layer; none there is no error. */
  removeLayer(layer: string): Promise<void>
}
