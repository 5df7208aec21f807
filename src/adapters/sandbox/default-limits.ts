import type { SandboxLimits } from '../../domain/ports/sandbox.ts'

const MIB = 1024 * 1024

const shared = {
  graceMs: 2_000,
  memoryBytes: 1024 * MIB,
  processes: 256,
  outputBytes: MIB,
  fileBytes: fileLimit(256 * MIB, 64 * MIB),
  workspaceBytes: 256 * MIB,
  workspaceFiles: 20_000,
  temporaryBytes: 64 * MIB,
} as const

/** What a command may use when nobody said otherwise: `quick` for a syntax check, `standard` for everything else. */
export const defaultLimits = {
  quick: { ...shared, wallMs: 5_000 },
  standard: { ...shared, wallMs: 30_000 },
} as const satisfies Record<string, SandboxLimits>

/** The largest file: more than fits where files can be, so that a full place is met as such. */
export function fileLimit(workspaceBytes: number, temporaryBytes: number): number {
  return Math.max(workspaceBytes, temporaryBytes) + MIB
}

/** What every sandboxed command gets, whatever its own limits are. */
export const fixedLimits = {
  openFiles: 1024,
  /** /dev/shm, in bytes. */
  sharedMemoryBytes: 64 * MIB,
  /** From the start of the first helper until the command's own processes begin. */
  setupMs: 30_000,
  /** How long the kernel may take to end processes that were killed. */
  deathMs: 10_000,
} as const
