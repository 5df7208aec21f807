const hour = 3_600_000
const day = 24 * hour

/** How long rows stay that nothing needs but a memory of what was, in milliseconds. */
export interface Retention {
  /** Events, and the clientMutationIds of create mutations. */
  readonly eventsMs: number
  /** Jobs that were published; recovery and the schedules look back for an hour at the most. */
  readonly outboxMs: number
}

export const defaultRetention: Retention = { eventsMs: 30 * day, outboxMs: day }

/** A lease that nobody holds, since it was last taken; until then it tells recovery that somebody began the work. */
export const leasesMs = day
