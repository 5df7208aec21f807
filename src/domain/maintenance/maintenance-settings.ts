import type { Clutter } from '../ports/repository-care.ts'

/** When a project's repository is maintained, and what is then old enough to go; durations in milliseconds. */
export interface MaintenanceSettings {
  /** Between two maintenances of a project in which something happened. */
  readonly intervalMs: number
  /** So long after the last event a project is still maintained: what was too young to go goes then. */
  readonly settleMs: number
  /** With more loose objects or packs than this a project is maintained at once. */
  readonly clutter: Clutter
  /** Objects are written before the row and reference that keep them: younger ones stay. */
  readonly objectAgeMs: number
  /** References are made before their row is stored: younger ones stay. */
  readonly refAgeMs: number
  /** For each of git's steps. */
  readonly timeoutMs: number
  /** How many projects are maintained at a time, by all processes together: other jobs wait in the same pool. */
  readonly atOnce: number
  /** For a job to be picked up; one that was not is no longer counted among those. */
  readonly waitingMs: number
  /** A maintenance that was asked for and did not come about is asked for again after this time. */
  readonly retryMs: number
}

const hour = 3_600_000
const day = 24 * hour

export const defaultMaintenance: MaintenanceSettings = {
  intervalMs: day,
  settleMs: 2 * day,
  // As many as git itself thinks enough for its automatic collection.
  clutter: { looseObjects: 6_700, packs: 50 },
  objectAgeMs: day,
  refAgeMs: hour,
  timeoutMs: hour,
  atOnce: 1,
  waitingMs: 60_000,
  retryMs: hour,
}
