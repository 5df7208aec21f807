import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SetUpLog } from './set-up-log.ts'

/** Room for what is in the pipes when the last writer has gone. */
const DRAIN_MS = 1_000

/**
 * Follows a setup command to its end, with what it writes going to the log.
 * @param kill starts the death of all that was started; it may be called more than once
 * @param clear resolves when nothing of it is left; called after the child has ended
 * @throws SandboxUnavailableError when the child could not be started
 */
export async function followSetUp(
  { child, outputs, log }: { child: ChildProcess; outputs: readonly Socket[]; log: SetUpLog },
  { signal, kill, clear }: { signal: AbortSignal; kill: () => void; clear: () => Promise<void> },
): Promise<{ readonly exitCode: number | null; readonly signal: string | null }> {
  for (const output of outputs) output.on('data', (chunk: Buffer) => log.add(chunk))
  // A stream that breaks ends the log and not the command.
  for (const output of outputs) output.on('error', () => output.destroy())
  const closed = Promise.all(outputs.map((output) => new Promise((resolve) => output.once('close', resolve))))
  signal.addEventListener('abort', kill, { once: true })
  try {
    if (signal.aborted) kill()
    const [exitCode, ending] = (await once(child, 'exit')) as [number | null, string | null]
    await clear()
    const drain = setTimeout(() => {
      for (const output of outputs) output.destroy()
    }, DRAIN_MS)
    await closed
    clearTimeout(drain)
    return { exitCode, signal: ending }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall?.startsWith('spawn') !== true) throw error
    throw new SandboxUnavailableError(`A setup command could not be started: ${(error as Error).message}`)
  } finally {
    signal.removeEventListener('abort', kill)
    for (const output of outputs) output.destroy()
  }
}
