import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SandboxCommand } from '../../domain/ports/sandbox.ts'
import { createBoundedOutput } from './bounded-output.ts'
import { type DockerEngine, faultOf } from './docker-engine.ts'
import { createFrameReader } from './docker-stream.ts'

/** How often the engine is asked whether a command that has closed its output, or has not, is still there. */
const LOOK_MS = 250

/** Starts a command and gathers what it writes. */
export async function attachOutput(
  engine: DockerEngine,
  id: string,
  { outputBytes, stdin }: { readonly outputBytes: number; readonly stdin: SandboxCommand['stdin'] },
) {
  const { stream, first } = await engine.attach(`/exec/${id}/start`, { Detach: false, Tty: false })
  const stdout = createBoundedOutput(outputBytes)
  const stderr = createBoundedOutput(outputBytes)
  const reader = createFrameReader({ stdout: stdout.add, stderr: stderr.add })
  // A connection that breaks ends the output; whether the command still runs is asked for by itself.
  stream.on('error', () => stream.destroy())
  const closed = Promise.race([once(stream, 'end'), once(stream, 'close')]).catch(() => undefined)
  reader.add(first)
  stream.on('data', (chunk: Buffer) => reader.add(chunk))
  if (stdin !== undefined) stream.end(stdin)
  return {
    closed: closed.then(() => undefined),
    texts() {
      stream.destroy()
      return { stdout: stdout.text(), stderr: stderr.text() }
    },
  }
}

/**
 * The exit code as the engine saw it, once the command's own process has ended, whoever still holds its output.
 * Null when its container ended with it.
 * @throws SandboxUnavailableError when it was never started
 */
export async function exitCode(
  engine: DockerEngine,
  id: string,
  outputClosed: Promise<void>,
  signal: AbortSignal,
): Promise<number | null> {
  const closed = outputClosed.then(() => true)
  let pause = 2
  while (!signal.aborted) {
    const isClosed = await Promise.race([closed, wait(LOOK_MS, false)])
    // Output is mostly closed by the command's end, which the engine knows of a moment later; but not always.
    if (isClosed) await wait(pause)
    if (isClosed) pause = Math.min(pause * 2, LOOK_MS)
    const { status, body } = await engine.ask('GET', `/exec/${id}/json`)
    if (status === 404 || status === 409) return null
    if (status >= 400) throw new SandboxUnavailableError(`The engine lost the command: ${faultOf(body)}`)
    const state = body as { readonly Running: boolean; readonly ExitCode: number | null; readonly Pid: number }
    if (state.Running || state.ExitCode === null) continue
    if (state.Pid === 0)
      throw new SandboxUnavailableError(`The engine could not start the command (${state.ExitCode}).`)
    return state.ExitCode
  }
  return null
}
