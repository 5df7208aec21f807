import type { SandboxLimits } from '../../domain/ports/sandbox.ts'

const MIB = 1024 * 1024

const shared = {
  memoryBytes: 1024 * MIB,
  processes: 256,
  outputBytes: MIB,
  fileBytes: 256 * MIB,
} as const

/** What a command may use when nobody said otherwise: `quick` for a syntax check, `standard` for everything else. */
export const defaultLimits = {
  quick: { ...shared, wallMs: 5_000 },
  standard: { ...shared, wallMs: 30_000 },
} as const satisfies Record<string, SandboxLimits>

/** What every sandboxed command gets, whatever its own limits are. */
export const fixedLimits = {
  openFiles: 1024,
  /** The private /tmp, in bytes; it lives in memory. */
  temporaryBytes: 256 * MIB,
  /** /dev/shm, in bytes. */
  sharedMemoryBytes: 64 * MIB,
  /** From the start of the first helper until the command's own processes begin. */
  setupMs: 30_000,
  /** How long the kernel may take to end processes that were killed. */
  deathMs: 10_000,
} as const
