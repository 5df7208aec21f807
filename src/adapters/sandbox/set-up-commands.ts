import type { SetUpRequest } from '../../domain/ports/sandbox.ts'
import { type SetUpLog, shownCommand } from './set-up-log.ts'
import { layerFault, watchLayer } from './set-up-watch.ts'

/** How one setup command ended. */
export interface SetUpEnding {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly isOutOfMemory: boolean
}

/** Where setup commands run: made by a driver for one set-up, all on the same files. */
export interface SetUpPlace {
  /** What a person should know of it before the log begins. */
  readonly notes: readonly string[]
  /**
   * Runs one command, and kills it with all that it started when the signal says so. No process is left afterwards.
   * @throws SandboxUnavailableError
   */
  run(argv: readonly string[], log: SetUpLog, signal: AbortSignal): Promise<SetUpEnding>
  /** Why what was written elsewhere than in the directory is too much, or null. */
  excess?(): Promise<string | null>
  /** Keeps what is not in the layer's directory, and drops what later runs do not need of it. */
  finish(): Promise<void>
  /** Leaves nothing but what was kept. */
  end(): Promise<void>
}

/**
 * Runs the commands one after the other, until one fails or a limit is reached.
 * @param directory where everything lies that they may write
 * @returns which command failed and how; null when none did
 */
export async function runSetUpCommands(
  place: SetUpPlace,
  { commands, limits, signal }: Pick<SetUpRequest, 'commands' | 'limits' | 'signal'>,
  log: SetUpLog,
  directory: string,
): Promise<string | null> {
  const stop = new AbortController()
  let why: string | null = null
  const end = (reason: string) => {
    why ??= reason
    stop.abort()
  }
  const wall = setTimeout(() => end(`all commands together may take ${limits.wallMs / 1_000} s`), limits.wallMs)
  using _watch = watchLayer(directory, limits, end)
  try {
    for (const note of place.notes) log.note(`[${note}]`)
    for (const [index, argv] of commands.entries()) {
      const name = `Command ${index + 1} of ${commands.length}`
      log.note(`$ ${shownCommand(argv)}`)
      const ending = await place.run(argv, log, AbortSignal.any([signal, stop.signal]))
      signal.throwIfAborted()
      const isLast = index === commands.length - 1
      // Between two looks of the watch, or on a quick last command, there may be more than there may be.
      if (isLast && ending.exitCode === 0)
        why ??= (await layerFault(directory, limits)) ?? (await place.excess?.()) ?? null
      const fault = why === null ? faultOf(ending, limits.memoryBytes) : `was ended: ${why}`
      if (fault !== null) {
        log.note(`[${name} ${fault}.]`)
        return `${name} (${shownCommand(argv).slice(0, 200)}) ${fault}.`
      }
    }
    return null
  } finally {
    clearTimeout(wall)
  }
}

function faultOf({ exitCode, signal, isOutOfMemory }: SetUpEnding, memoryBytes: number): string | null {
  if (exitCode === 0) return null
  const memory = isOutOfMemory ? `: the memory limit is ${memoryBytes} bytes` : ''
  return exitCode === null
    ? `was ended by ${signal ?? 'a signal'}${memory}`
    : `ended with exit status ${exitCode}${memory}`
}
