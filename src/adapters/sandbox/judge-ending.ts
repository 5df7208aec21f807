import { constants } from 'node:os'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SandboxCommand } from '../../domain/ports/sandbox.ts'
import type { SandboxStatus } from './status.ts'
import type { Ending } from './supervise.ts'

/**
 * What bubblewrap's own ending and its status say of the command.
 * @throws SandboxUnavailableError when there was no sandbox
 */
export function judgeEnding(
  ending: Ending,
  status: SandboxStatus,
  isOutOfMemory: boolean,
  { limits }: SandboxCommand,
): Ending {
  const stderr = ending.stderr + (isOutOfMemory ? memoryNote(limits.memoryBytes) : '')
  const code = status.exitCode()
  if (ending.timedOut || ending.canceled) return { ...ending, stderr, exitCode: null, signal: 'SIGKILL' }
  if (code !== null) return { ...ending, stderr, ...fromShellCode(code) }
  if (isOutOfMemory || ending.signal !== null || status.init() !== null) {
    return { ...ending, stderr, exitCode: null, signal: ending.signal ?? 'SIGKILL' }
  }
  throw new SandboxUnavailableError(`bubblewrap could not make the sandbox: ${ending.stderr.trim().slice(0, 1_000)}`)
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
