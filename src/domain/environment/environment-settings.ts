import type { SetUpLimits } from '../ports/sandbox.ts'

const MIB = 1024 * 1024
const day = 24 * 3_600_000

/** What the setup commands of one environment may use, all together. */
export const setUpLimits: SetUpLimits = {
  wallMs: 10 * 60_000,
  memoryBytes: 2_048 * MIB,
  processes: 1_024,
  fileBytes: 1_024 * MIB,
  layerBytes: 4_096 * MIB,
  layerFiles: 400_000,
  logBytes: 256 * 1024,
}

/** In bytes, of all key files of an environment together. */
export const maxKeyFileBytes = 20 * MIB

/** When an environment's layer is removed: so long, in milliseconds, after a run last asked for it. */
export const layerAgeMs = 14 * day
