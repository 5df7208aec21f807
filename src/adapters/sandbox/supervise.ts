import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { SandboxCommand, SandboxResult } from '../../domain/ports/sandbox.ts'
import { createBoundedOutput } from './bounded-output.ts'

export interface Supervision {
  readonly child: ChildProcess
  readonly outputs: readonly [Socket, Socket]
  readonly command: SandboxCommand
  /** Resolves when the command itself begins; the wall time counts from there. */
  readonly begun: Promise<void>
  /** Tells the command to end, when its wall time is over. */
  ask(): void
  /** Starts the death of all the command's processes; it may be called more than once. */
  kill(): void
  /** Resolves when no process of the command is left; called after the child has ended. */
  clear(): Promise<void>
}

export type Ending = Omit<SandboxResult, 'driver'>

/** Room for what is in the pipes when the last writer has gone. */
const DRAIN_MS = 1_000

/**
 * Follows a started command to its end: gathers output, holds the wall time, obeys the signal.
 * The exit code is the child's own; the caller knows what it means.
 * @throws the error of a child that could not be started, or of processes that do not end
 */
export async function supervise({ child, outputs, command, begun, ask, kill, clear }: Supervision): Promise<Ending> {
  const [out, error] = [gather(outputs[0], command), gather(outputs[1], command)]
  let startedAt = performance.now()
  let timedOut = false
  let canceled = false
  let wall: NodeJS.Timeout | undefined
  const cancel = () => {
    canceled = !timedOut
    kill()
  }
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const timed = begun.then(() => {
    startedAt = performance.now()
    wall = setTimeout(() => {
      timedOut = !canceled
      ask()
      wall = setTimeout(kill, command.limits.graceMs)
    }, command.limits.wallMs)
  })
  command.signal?.addEventListener('abort', cancel, { once: true })
  if (command.signal?.aborted) cancel()
  try {
    // A child that dies before the command begins leaves `begun` unsettled.
    const [[code, signal]] = await Promise.all([ended, Promise.race([timed, ended])])
    const durationMs = performance.now() - startedAt
    clearTimeout(wall)
    await clear()
    await Promise.all([out.done(), error.done()])
    const [stdout, stderr] = [out.text(), error.text()]
    return {
      exitCode: code,
      signal,
      stdout: stdout.text,
      stderr: stderr.text,
      truncated: stdout.truncated || stderr.truncated,
      timedOut,
      canceled,
      durationMs,
    }
  } finally {
    clearTimeout(wall)
    command.signal?.removeEventListener('abort', cancel)
    for (const output of outputs) output.destroy()
  }
}

function gather(stream: Socket, { limits }: SandboxCommand) {
  const output = createBoundedOutput(limits.outputBytes)
  const closed = new Promise((resolve) => stream.once('close', resolve))
  let fault: Error | undefined
  stream.on('error', (error) => {
    fault = error
  })
  stream.on('data', (chunk: Buffer) => output.add(chunk))
  return {
    text: output.text,
    async done() {
      const timer = setTimeout(() => stream.destroy(), DRAIN_MS)
      await closed
      clearTimeout(timer)
      if (fault) throw fault
    },
  }
}

/** The result of a command that was canceled before it was started. */
export const neverStarted: Ending = {
  exitCode: null,
  signal: null,
  stdout: '',
  stderr: '',
  truncated: false,
  timedOut: false,
  canceled: true,
  durationMs: 0,
}
