import { sql } from 'kysely'
import { coalesce } from '../shared/coalesce.ts'
import { rows } from '../shared/database.ts'
import { runStatement } from '../shared/run-statement.ts'
import type { Services } from '../shared/services.ts'
import { notFlushed, prepared, withNext } from '../shared/statement-marks.ts'
import { type Transaction, transact } from '../shared/transact.ts'

/** The worker's claim to a step was taken from it: it was paused too long, or the step was canceled. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError'
  constructor(resource: string) {
    super(`The lease on ${resource} was lost.`)
  }
}

/** A claim to a step that is being worked on. */
export interface HeldLease {
  /** What is held, and under which fencing number: a row may say under which claim it was written. */
  readonly resource: string
  readonly fence: number
  /** Aborted when the lease is lost or the process has to end now: what is under way breaks off. */
  readonly signal: AbortSignal
  /**
   * Before something is begun that costs time or money, or is seen outside.
   * @throws what `mustBeHeld` throws, and the reason of the stop once the process was told to: what is under way may
   * end, and nothing new is begun
   */
  mayBegin(): void
  /**
   * Before an effect that cannot be fenced. It looks at the clock, and so knows of a pause of the process before any
   * timer tells.
   * @throws LeaseLostError, or why the process has to end now
   */
  mustBeHeld(): void
  /**
   * As `transact`, and refused with LeaseLostError when another worker has the step by then: at the first statement, or,
   * where `work` makes none, at the commit. None of its statements is done then.
   */
  transact<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>
}

/** What holds a lease: the kind of step and its id. */
export const leaseOn = (
  kind:
    | 'project'
    | 'spec'
    | 'sprint'
    | 'session'
    | 'run'
    | 'candidate'
    | 'test-run'
    | 'environment'
    | 'push'
    | 'refinement'
    | 'auto-rebase'
    | 'maintenance'
    | 'retention'
    | 'webhook',
  id: string,
): string => `${kind}:${id}`

const nextFence = sql<number>`nextval('lease_fence')`

const claimStatement = `${prepared('lease-claim')}
  insert into lease (resource, owner, fence, again, until, claimed_at)
  values ($1, $2, nextval('lease_fence'), false, now() + $3::interval, now())
  on conflict (resource) do update set owner = excluded.owner, fence = excluded.fence, again = excluded.again,
    until = excluded.until, claimed_at = excluded.claimed_at
  where lease.until < now() returning fence`

const claim = async (services: Services, resource: string): Promise<number | undefined> => {
  const values = [resource, services.processName, `${services.leaseMs} milliseconds`]
  const [taken] = await runStatement<{ fence: string }>(services.em(), claimStatement, values)
  return taken && Number(taken.fence)
}

const renew = async (services: Services, resource: string, fence: number): Promise<boolean> => {
  const renewed = await rows(services.em())
    .updateTable('Lease')
    .set({ until: sql<Date>`now() + ${`${services.leaseMs} milliseconds`}::interval` })
    .where('resource', '=', resource)
    .where('fence', '=', fence)
    .where('until', '>', sql<Date>`now()`)
    .executeTakeFirst()
  return renewed.numUpdatedRows > 0n
}

/** Asks the holder to look again; false when nobody holds the step by now. */
const askAgain = async (services: Services, resource: string): Promise<boolean> => {
  const asked = await rows(services.em())
    .updateTable('Lease')
    .set({ again: true })
    .where('resource', '=', resource)
    .where('until', '>=', sql<Date>`now()`)
    .executeTakeFirst()
  return asked.numUpdatedRows > 0n
}

// Long past for every transaction, also one that began before: it must not take the step for one that is held.
const letGo = sql<Date>`to_timestamp(0)`

// Lost with the database's machine it is a lease of somebody who was killed: it ends by itself, and recovery asks again
// for what was left to it.
const releaseStatement = `${prepared('lease-release')}
  update lease set until = case when again then until else to_timestamp(0) end, again = false
  where resource = $1 and fence = $2 and ${notFlushed} returning until <> to_timestamp(0) as "isKept"`

/** Lets go, unless somebody asked to look again. @returns whether the lease was let go */
const release = async (services: Services, resource: string, fence: number): Promise<boolean> => {
  const [held] = await runStatement<{ isKept: boolean }>(services.em(), releaseStatement, [resource, fence])
  return held?.isKept !== true
}

const lost = 'the lease of this step is lost'

// It says by an error that the lease is not held: what is sent with it is not done then.
const heldStatement = `${withNext('lease-held')}
  select (case count(*) when 0 then '${lost}' else '1' end)::int
  from (select from lease where resource = $1 and fence = $2 and until > now() for update) as held`

const saysLost = (error: unknown): boolean => {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  return code === '22P02' && String(message).includes(lost)
}

/** Lets go whatever was asked: the work failed, and whoever takes the step up looks anyway. */
const giveUp = async (services: Services, resource: string, fence: number): Promise<void> => {
  await rows(services.em())
    .updateTable('Lease')
    .set({ until: letGo })
    .where('resource', '=', resource)
    .where('fence', '=', fence)
    .execute()
}

interface Instant {
  readonly ticks: number
  readonly date: number
}

const now = (): Instant => ({ ticks: performance.now(), date: Date.now() })

// The one stands still while the whole machine is suspended, the other may be set back.
const msSince = ({ ticks, date }: Instant): number => Math.max(performance.now() - ticks, Date.now() - date)

/**
 * Works on a step under a lease with a fencing number (Kleppmann, "How to do distributed locking", 2016).
 * While `work` runs the lease is renewed, on a timer and when somebody tells that leases were revoked; every write
 * through `lease.transact` checks the number.
 * @param stop the process was told to stop: the step ends at its next stored point, and `heldLeases.end` breaks it off
 * @returns false, and nothing done, when another worker has the step; that one then looks once more before it ends
 */
export const withLease = async (
  services: Services,
  resource: string,
  stop: AbortSignal,
  work: (lease: HeldLease) => Promise<void>,
): Promise<boolean> => {
  stop.throwIfAborted()
  let renewedAt = now()
  let fence = await claim(services, resource)
  while (fence === undefined) {
    if (await askAgain(services, resource)) return false
    renewedAt = now()
    fence = await claim(services, resource)
  }
  const held = fence
  const over = new AbortController()
  // A database that cannot be asked counts as well: by now another worker may have the step.
  const lookAtClock = () => {
    if (msSince(renewedAt) > services.leaseMs) over.abort(new LeaseLostError(resource))
  }
  const keep = async () => {
    const startedAt = now()
    lookAtClock()
    try {
      if (await renew(services, resource, held)) renewedAt = startedAt
      else over.abort(new LeaseLostError(resource))
    } catch (error) {
      services.log.warn({ resource, error }, 'lease could not be renewed; trying again')
    }
  }
  const look = coalesce(keep)
  const leave = services.heldLeases.add({ look, end: (reason) => over.abort(reason) })
  const timer = setInterval(look, Math.min(services.leaseMs / 3, services.renewMs))
  const mustBeHeld = () => {
    lookAtClock()
    over.signal.throwIfAborted()
  }
  const lease: HeldLease = {
    resource,
    fence: held,
    signal: over.signal,
    mustBeHeld,
    mayBegin() {
      mustBeHeld()
      stop.throwIfAborted()
    },
    transact: async (write) => {
      try {
        return await transact(services, async (tx) => {
          await runStatement(tx.em, heldStatement, [resource, String(held)])
          return write(tx)
        })
      } catch (error) {
        throw saysLost(error) ? new LeaseLostError(resource) : error
      }
    },
  }
  try {
    do {
      lease.mayBegin()
      await work(lease)
    } while (!(await release(services, resource, held)))
    return true
  } catch (error) {
    await giveUp(services, resource, held)
    throw error
  } finally {
    clearInterval(timer)
    leave()
  }
}

/**
 * Takes steps from whoever works on them: their writes fail from the commit on, and they are told to look, in whatever
 * process they are. Who begins such a step meanwhile waits for the commit, and so reads what it says. Part of canceling.
 */
export const revokeLeases = async (tx: Transaction, resources: readonly string[]): Promise<void> => {
  if (resources.length === 0) return
  // Sorted: of two that revoke the same, none waits for the other in a circle.
  const revoked = [...new Set(resources)].sort()
  await rows(tx.em)
    .insertInto('Lease')
    .values(revoked.map((resource) => ({ resource, owner: '', fence: nextFence, again: false, until: letGo })))
    .onConflict((conflict) =>
      conflict.column('resource').doUpdateSet((row) => ({ until: letGo, fence: row.ref('excluded.fence') })),
    )
    .execute()
  tx.wake('leases')
}
