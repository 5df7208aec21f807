import { type RawBuilder, sql } from 'kysely'
import { trimLogsJob } from '../../jobs/trim-logs.ts'
import { cutEvents } from '../event/cut-events.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { leasesMs } from './retention.ts'

// No event can be read while a transaction that writes goes on: short ones.
const defaultBatch = 1_000
// So that other jobs have their turn; what is left is asked for again.
const shareMs = 20_000

const ago = (ms: number) => sql`now() - ${`${ms} milliseconds`}::interval`

/** Removes what a query names, at most so many rows; those that somebody is at stay. */
const remove = async (tx: Transaction, statement: RawBuilder<unknown>): Promise<number> =>
  Number((await statement.execute(rows(tx.em))).numAffectedRows ?? 0)

type Trim = (tx: Transaction, services: Services, batch: number) => Promise<number>

/** What is too old, by table. Everything else of the database is a record, and stays. */
const trims: Readonly<Record<'outbox' | 'client_mutation' | 'lease', Trim>> = {
  outbox: (tx, { retention }, batch) =>
    remove(
      tx,
      sql`delete from outbox where id in (
        select id from outbox where created_at < ${ago(retention.outboxMs)} and published_at < ${ago(retention.outboxMs)}
        order by created_at limit ${batch} for update skip locked)`,
    ),
  client_mutation: (tx, { retention }, batch) =>
    remove(
      tx,
      sql`delete from client_mutation where (actor_id, mutation, client_mutation_id) in (
        select actor_id, mutation, client_mutation_id from client_mutation
        where created_at < ${ago(retention.eventsMs)} order by created_at limit ${batch} for update skip locked)`,
    ),
  lease: (tx, _, batch) =>
    remove(
      tx,
      sql`delete from lease where resource in (
        select resource from lease where until < now() and claimed_at < ${ago(leasesMs)}
        limit ${batch} for update skip locked)`,
    ),
}

/** @param endsAt as `performance.now` counts @returns whether there may be more */
const trimEvents = async (
  services: Services,
  lease: HeldLease,
  batch: number,
  endsAt: number,
  removed: Record<string, number>,
): Promise<boolean> => {
  for (;;) {
    lease.mayBegin()
    const cut = await lease.transact((tx) => cutEvents(tx, services.retention.eventsMs, batch))
    removed.event = (removed.event ?? 0) + cut.removed
    if (cut.isHeld) {
      services.log.warn(
        {},
        'events stay for a webhook that has yet to be sent them: is a worker of the pool webhooks running?',
      )
    }
    if (!cut.isMore) return false
    if (performance.now() > endsAt) return true
  }
}

/**
 * Removes events, published jobs, leases and clientMutationIds that are older than the retention says, batch by batch: one
 * process at a time, and whoever is stopped in between has done what it did.
 */
export const trimLogs = async (services: Services, stop: AbortSignal, batch = defaultBatch): Promise<void> => {
  const endsAt = performance.now() + shareMs
  const removed: Record<string, number> = {}
  let isMore = false
  await withLease(services, leaseOn('retention', 'logs'), stop, async (lease) => {
    isMore = await trimEvents(services, lease, batch, endsAt, removed)
    for (const [table, trim] of Object.entries(trims)) {
      for (let count = batch; count === batch && !isMore; ) {
        lease.mayBegin()
        count = await lease.transact((tx) => trim(tx, services, batch))
        removed[table] = (removed[table] ?? 0) + count
        isMore = count === batch && performance.now() > endsAt
      }
    }
  })
  if (Object.values(removed).some((count) => count > 0)) services.log.info({ removed }, 'old rows were removed')
  if (isMore) await transact(services, async (tx) => tx.enqueue(trimLogsJob, {}))
}
