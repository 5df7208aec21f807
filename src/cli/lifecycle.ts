import closeWithGrace from 'close-with-grace'
import { type ExitCode, exitCodes, InterruptedError } from './exit.ts'

export interface LifecycleOptions {
  /** For people, on stderr. */
  readonly warn: (text: string) => void
  /** Told of an error that nobody caught; then the command is ended. */
  readonly report: (error: unknown) => void
  /** How long the command may take to end once it was told to; asked then. Half a minute unless given. */
  readonly endsWithinMs?: () => number
}

const defaultEndsWithinMs = 30_000
// npm hands a signal on to its child, and a terminal sends it to both: the second one of a pair is no second wish.
const sameWishMs = 1_000

/**
 * Runs a command that can be told to end: its signal is aborted by the first SIGINT or SIGTERM, or by an error that
 * nobody caught; a later SIGINT or SIGTERM, or taking too long, ends the process at once. Sets the exit code.
 */
export const runToEnd = async (
  command: (signal: AbortSignal) => Promise<ExitCode>,
  { warn, report, endsWithinMs = () => defaultEndsWithinMs }: LifecycleOptions,
): Promise<void> => {
  const stop = new AbortController()
  const { promise: finished, resolve: finish } = Promise.withResolvers<ExitCode>()
  const grace = closeWithGrace(
    {
      delay: false,
      logger: false,
      skip: ['SIGINT', 'SIGTERM', 'beforeExit'],
    },
    async ({ err }) => {
      const ms = endsWithinMs()
      setTimeout(() => {
        warn(`Not everything ended within ${ms / 1_000} s: ending now.`)
        process.exit(exitCodes.failed)
      }, ms)
      if (err) report(err)
      stop.abort(err ?? new InterruptedError())
      const code = await finished
      // The library itself knows only 0 and 1.
      process.exit(err ? exitCodes.failed : code)
    },
  )
  let firstAt: number | undefined
  const onSignal = () => {
    if (firstAt === undefined) {
      firstAt = performance.now()
      grace.close()
    } else if (performance.now() - firstAt > sameWishMs) {
      warn('Told again: ending at once.')
      process.exit(exitCodes.interrupted)
    }
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  const code = await command(stop.signal)
  finish(code)
  if (stop.signal.aborted) return
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  grace.uninstall()
  process.exitCode = code
}

/** Waits until the signal is aborted, or until something that must not end has ended. */
export const untilStopped = async (signal: AbortSignal, failed: Promise<Error>): Promise<void> => {
  if (signal.aborted) return
  const { promise: stopped, resolve: onAbort } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => onAbort(), { once: true })
  const failure = await Promise.race([stopped, failed])
  if (failure) throw failure
}
