import type { SandboxCommand } from '../../domain/ports/sandbox.ts'
import type { LaidWorkspace } from './bubblewrap-workspace.ts'
import type { Cgroup } from './cgroup.ts'
import { memoryNote, workspaceNote } from './judge-ending.ts'
import { watchResidentMemory } from './resident-memory.ts'
import { watchWorkspace } from './watch-workspace.ts'

export interface Excess {
  /** For people, when a limit was met by which processes are ended; null otherwise. */
  note(): string | null
  ranOutOfMemory(): boolean
  stop(): void
}

/** Holds the limits that the kernel does not hold here: a command past one of them is killed. */
export function watchExcess(
  pid: number | undefined,
  { command, laid, cgroup }: { command: SandboxCommand; laid: LaidWorkspace | null; cgroup: Cgroup | null },
  kill: () => void,
): Excess {
  const { limits } = command
  let note: string | null = null
  const exceeded = (why: string) => () => {
    note ??= why
    kill()
  }
  const tooMuchMemory = memoryNote(limits.memoryBytes)
  const stops = [
    ...(cgroup !== null || pid === undefined || process.platform !== 'linux'
      ? []
      : [watchResidentMemory(pid, limits.memoryBytes, exceeded(tooMuchMemory))]),
    ...(laid?.kind === 'copy'
      ? [watchWorkspace(laid.directory, laid.size, limits, exceeded(workspaceNote(limits)))]
      : []),
  ]
  const noted = () => note ?? (cgroup?.ranOutOfMemory() ? tooMuchMemory : null)
  return {
    note: noted,
    ranOutOfMemory: () => noted() === tooMuchMemory,
    stop() {
      for (const stop of stops) stop()
    },
  }
}
