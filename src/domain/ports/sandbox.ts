/** The port to a place where untrusted commands run. */

export type SandboxDriver = 'bubblewrap' | 'docker' | 'none'

export interface SandboxLimits {
  /** Wall time in milliseconds, after which the whole process tree is killed. */
  readonly wallMs: number
  readonly memoryBytes: number
  readonly processes: number
  /** Kept of each of stdout and stderr, in bytes: the head and the tail, with a mark between them. */
  readonly outputBytes: number
  /** The largest file a command may write, in bytes. */
  readonly fileBytes: number
}

export interface SandboxCommand {
  /** Program and arguments; never passed through a shell. */
  readonly argv: readonly string[]
  /** A directory of the host that is the command's working directory and writable; nothing else of the host's data is seen. */
  readonly workspace: string
  readonly limits: SandboxLimits
  readonly stdin?: string | Buffer
  /** Beside PATH, HOME and LANG, which the sandbox sets itself. */
  readonly environment?: Readonly<Record<string, string>>
  /** The image that the docker driver takes for it; the configured one if absent. Other drivers have no images. */
  readonly image?: string
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
  readonly durationMs: number
  readonly driver: SandboxDriver
}

export type SandboxAvailability =
  | { readonly available: true; readonly driver: SandboxDriver; readonly detail: string }
  | { readonly available: false; readonly driver: SandboxDriver; readonly reason: string; readonly remedy: string }

export interface Sandbox {
  readonly driver: SandboxDriver
  /** Looks once whether commands can be run, by running one. */
  availability(): Promise<SandboxAvailability>
  /**
   * Runs one command; when the promise settles, no process of it is left.
   * @throws SandboxUnavailableError when there is no isolation to run it in
   */
  run(command: SandboxCommand): Promise<SandboxResult>
}
