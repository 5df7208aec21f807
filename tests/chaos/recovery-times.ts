import type pg from 'pg'
import type { Casualty } from './crew.ts'

/** Work that a process had under way when it was killed. */
interface Orphan {
  readonly processName: string
  readonly diedAt: number
  /** The lease's number as it was first seen after the kill, and whether the process held it. */
  seen?: { readonly fence: number; readonly wasHeld: boolean }
}

/** The kind of lease under which a job's work is done, and its payload's name for the id. */
const leases: Readonly<Record<string, readonly [kind: string, id: string]>> = {
  'prepare-project': ['project', 'projectId'],
  'run-interview': ['spec', 'specId'],
  'advance-sprint': ['sprint', 'sprintId'],
  'run-candidate': ['candidate', 'candidateId'],
  'run-session-turn': ['session', 'sessionId'],
  'run-tests': ['test-run', 'testRunId'],
}

export interface RecoveryTimes {
  /** What was killed had this work under way. */
  orphan(casualty: Casualty): void
  /** Looks who has taken the work up by now: the times are as exact as it is asked often. */
  look(client: pg.Client): Promise<void>
  /** From a kill to the moment at which another process holds the lease on work that the killed one held, in milliseconds. */
  readonly held: readonly number[]
  /** The same for work whose job was taken and whose lease was not, or no longer, held. */
  readonly taken: readonly number[]
}

export const measureRecovery = (): RecoveryTimes => {
  const orphans = new Map<string, Orphan>()
  const held: number[] = []
  const taken: number[] = []
  return {
    held,
    taken,
    orphan({ processName, at, openJobs, action }) {
      if (action !== 'kill') return
      for (const { name, payload } of openJobs) {
        const [kind, id] = leases[name] ?? []
        if (kind === undefined || id === undefined) continue
        const resource = `${kind}:${payload[id]}`
        // Killed again before it was taken up: it still waits since the first time.
        if (!orphans.has(resource)) orphans.set(resource, { processName, diedAt: at })
      }
    },
    async look(client) {
      if (orphans.size === 0) return
      const { rows } = await client.query<{ resource: string; owner: string; fence: string; released: boolean }>(
        'select resource, owner, fence, until = to_timestamp(0) as released from lease where resource = any($1)',
        [[...orphans.keys()]],
      )
      const now = Date.now()
      const found = new Map(rows.map((row) => [row.resource, row]))
      for (const [resource, orphan] of orphans) {
        const row = found.get(resource)
        const fence = Number(row?.fence ?? 0)
        if (!orphan.seen) {
          const isOwner = row?.owner === orphan.processName
          orphan.seen = { fence, wasHeld: isOwner }
          // It had let go of it: its work was done, and whoever holds it next does something else.
          if (isOwner && row?.released) orphans.delete(resource)
        } else if (fence > orphan.seen.fence) {
          orphans.delete(resource)
          ;(orphan.seen.wasHeld ? held : taken).push(now - orphan.diedAt)
        }
      }
    },
  }
}

/** In a sorted list of values the one below which this share of them is; 0 of none. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
