import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import type { HeldLease } from '../lease/lease.ts'
import type { Provider } from '../ports/model-provider.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { takeTurns } from '../shared/take-turns.ts'
import type { Transaction } from '../shared/transact.ts'

/** A call that needs a slot of its provider and its project. */
export interface WantedSlot {
  readonly provider: Provider
  readonly projectId: string
  /** The call's place, where an earlier attempt at it may be recorded: that one has ended, and holds nothing. */
  readonly place?: { readonly scope: string; readonly sequence: number }
}

interface Usage {
  readonly provider: Provider
  readonly project: string
  readonly calls: number
  /** Ids of those that wait, the first first. */
  readonly waiting: readonly string[]
}

/**
 * What is under way and what waits, by provider and project. A call holds its slot as long as the lease is held under
 * which it was recorded: one whose process died gives it back with the lease, before anybody has settled it.
 */
const readUsage = async (em: Transaction['em'], { place }: WantedSlot): Promise<readonly Usage[]> => {
  const isHeld = sql`exists (select 1 from lease
    where resource = part.lease and lease.fence = part.fence and until > now())`
  const isAnother = place ? sql`(scope, sequence) <> (${place.scope}, ${place.sequence})` : sql`true`
  const { rows: found } = await sql<Usage>`
    select provider, project_id::text as project, count(*) filter (where id is null)::int as calls,
      coalesce(array_agg(id::text order by id) filter (where id is not null), '{}') as waiting
    from (
      select null::bigint as id, provider, project_id, lease, fence from model_call where status = 'SENT' and ${isAnother}
      union all
      select id, provider, project_id, lease, fence from waiting_call
    ) as part
    where ${isHeld} group by provider, project_id`.execute(rows(em))
  return found
}

const sum = (usage: readonly Usage[]): number => usage.reduce((all, { calls }) => all + calls, 0)

// After all that wait already.
const lastId = '9223372036854775807'

/** Whether it is this call's turn: projects take turns, and within one the call that has waited longest is the next. */
const isNext = (usage: readonly Usage[], { bounds }: Services, wanted: WantedSlot, waitingId = lastId): boolean => {
  const { provider, projectId } = wanted
  const ofProvider = usage.filter((part) => part.provider === provider)
  const loads = new Map(ofProvider.map(({ project, calls }) => [project, calls]))
  const lines = new Map(ofProvider.map(({ project, waiting }) => [project, waiting]))
  const own = lines.get(projectId) ?? []
  lines.set(projectId, own.includes(waitingId) ? own : [...own, waitingId])
  const queued = [...lines].flatMap(([project, line]) => {
    const room = bounds.projectCalls - sum(usage.filter((part) => part.project === project))
    return line.slice(0, Math.max(0, room)).map((id) => ({ id, project }))
  })
  const room = bounds.providerCalls - sum(ofProvider)
  return takeTurns(queued, loads, room).some(({ id }) => id === waitingId)
}

/** Those that wait no more, as their work has ended, are forgotten. @returns the place in the line */
const queueUp = async (tx: Transaction, lease: HeldLease, { provider, projectId }: WantedSlot): Promise<string> => {
  await sql`delete from waiting_call where not exists (select 1 from lease
    where resource = waiting_call.lease and lease.fence = waiting_call.fence and until > now())`.execute(rows(tx.em))
  const { id } = await rows(tx.em)
    .insertInto('WaitingCall')
    .values({ provider, projectId, lease: lease.resource, fence: lease.fence })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

const leaveLine = async (services: Services, id: string): Promise<void> => {
  try {
    await rows(services.em()).deleteFrom('WaitingCall').where('id', '=', id).execute()
  } catch (error) {
    // It counts no longer than the lease is held.
    services.log.warn({ error }, 'a place in the line for a slot could not be given up')
  }
}

const [firstLookMs, longestLookMs] = [100, 500]

/** Until there may be room, without a transaction. @throws why the lease's work is to stop */
const awaitRoom = async (services: Services, lease: HeldLease, wanted: WantedSlot, id: string): Promise<void> => {
  for (let lookMs = firstLookMs; ; lookMs = Math.min(lookMs * 1.5, longestLookMs)) {
    await wait(lookMs * (0.5 + Math.random()), undefined, { signal: lease.signal }).catch(() => {})
    lease.mayBegin()
    try {
      if (isNext(await readUsage(services.em(), wanted), services, wanted, id)) return
    } catch (error) {
      services.log.warn({ error }, 'could not look for a slot; trying again')
    }
  }
}

/**
 * Records a call as soon as its provider and its project have less under way than may be, over all processes. One that
 * waits holds no transaction, and gives up its place when it is told to stop.
 * @param record in the transaction in which the slot was found to be free
 * @throws what `record` throws, LeaseLostError, or the reason of the stop
 */
export const recordInSlot = async <Result>(
  services: Services,
  lease: HeldLease,
  wanted: WantedSlot,
  record: (tx: Transaction) => Promise<Result>,
): Promise<Result> => {
  let waitingId: string | undefined
  const attempt = () =>
    lease.transact(async (tx) => {
      // Before any other lock; to the end of the transaction, so that no two count the same slot.
      await sql`select pg_advisory_xact_lock(hashtextextended('model calls', 0))`.execute(rows(tx.em))
      if (!isNext(await readUsage(tx.em, wanted), services, wanted, waitingId)) {
        return { isRecorded: false, id: waitingId ?? (await queueUp(tx, lease, wanted)) } as const
      }
      return { isRecorded: true, result: await record(tx) } as const
    })
  try {
    for (;;) {
      const outcome = await attempt()
      if (outcome.isRecorded) return outcome.result
      waitingId = outcome.id
      await awaitRoom(services, lease, wanted, waitingId)
    }
  } finally {
    if (waitingId !== undefined) await leaveLine(services, waitingId)
  }
}
