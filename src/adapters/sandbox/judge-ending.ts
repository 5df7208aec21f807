import { constants } from 'node:os'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SandboxLimits } from '../../domain/ports/sandbox.ts'
import type { SandboxStatus } from './status.ts'
import type { Ending } from './supervise.ts'

/**
 * What bubblewrap's own ending and its status say of the command.
 * @throws SandboxUnavailableError when there was no sandbox
 */
export function judgeEnding(
  ending: Ending,
  { status, isReady, excess }: { status: SandboxStatus; isReady: boolean; excess: string | null },
): Ending {
  const stderr = ending.stderr + (excess ?? '')
  const code = status.exitCode()
  if (ending.canceled) return { ...ending, stderr, exitCode: null, signal: 'SIGKILL' }
  if (ending.timedOut) return { ...ending, stderr, ...lateEnding(code) }
  if (code !== null && isReady) return { ...ending, stderr, ...fromShellCode(code) }
  if (code === null && (excess !== null || ending.signal !== null || (isReady && status.init() !== null))) {
    return { ...ending, stderr, exitCode: null, signal: ending.signal ?? 'SIGKILL' }
  }
  throw new SandboxUnavailableError(`bubblewrap could not make the sandbox: ${ending.stderr.trim().slice(0, 1_000)}`)
}

/** Of a command whose time was over: its own exit code means nothing. Null when it was killed. */
export function lateEnding(code: number | null): { exitCode: null; signal: string } {
  return { exitCode: null, signal: code === null ? 'SIGKILL' : (fromShellCode(code).signal ?? 'SIGTERM') }
}

/** bubblewrap and Docker report a signal as a shell does, and so a command that exits with 128 + n looks like one that was killed. */
export function fromShellCode(code: number): { exitCode: number | null; signal: string | null } {
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0]
  return name === undefined ? { exitCode: code, signal: null } : { exitCode: null, signal: name }
}

/** Added to stderr, for people: a command can write the same. */
export function memoryNote(limitBytes: number): string {
  return `\n[a process was ended: the memory limit is ${limitBytes} bytes]\n`
}

/** The same for a workspace that grew too large. */
export function workspaceNote({ workspaceBytes, workspaceFiles }: SandboxLimits): string {
  return `\n[a process was ended: the workspace limit is ${workspaceBytes} bytes and ${workspaceFiles} files]\n`
}
