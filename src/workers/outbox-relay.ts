import { sql } from 'kysely'
import type { JobsInQueue, Queues } from '../domain/ports/queues.ts'
import { rows } from '../domain/shared/database.ts'
import type { Logger, Services } from '../domain/shared/services.ts'
import { takeTurns } from '../domain/shared/take-turns.ts'
import type { Job, Pool } from '../jobs/job.ts'
import { type BacklogEntry, countUnderWay, jobId, readBacklog } from './outbox-backlog.ts'

/**
 * Publishes outbox rows to the queues, right after their commit and, for what a crash left, on a timer. A queue is kept
 * short: what it has no room for waits in the outbox, where projects take turns, and is published as jobs are taken.
 */
export interface OutboxRelay extends AsyncDisposable {
  /** Looks for rows now, and for room in the queues. @param pools whose queues are looked at before the rows are known */
  wake(pools?: readonly Pool[]): void
}

/**
 * How many jobs may wait in a pool's queue. Whoever comes new waits for these and for nobody else's backlog; each job
 * that is taken makes room for the next at once, so it need not be more, whatever the number of workers.
 */
export const queueRoom = 10

const sweepMs = 1_000
// For a queue that answers; one that does not is not waited for.
const closeGraceMs = 2_000

/**
 * Those rows that no other relay has, until the transaction ends. Advisory locks, not row locks: a row lock
 * gives the transaction an id, and while it waits for a slow queue no later event could be read.
 */
const claim = async (tx: ReturnType<Services['em']>, ids: readonly string[]): Promise<readonly string[]> => {
  const { rows: found } = await sql<{ id: string; mine: boolean }>`
    select id::text, pg_try_advisory_xact_lock(hashtextextended('outbox', id)) as mine
    from outbox where id = any (${ids}::bigint[]) and published_at is null`.execute(rows(tx))
  return found.filter(({ mine }) => mine).map(({ id }) => id)
}

/** Starts a relay over the declared jobs. Any number of relays may run: each publishes rows that no other has. */
export const startOutboxRelay = (
  em: Services['em'],
  queues: Pick<Queues, 'add' | 'jobsIn'>,
  jobs: readonly Job[],
  log: Logger,
): OutboxRelay => {
  const byName = new Map(jobs.map((job) => [job.name, job]))
  const poolOf = ({ job }: BacklogEntry): Pool => {
    const declared = byName.get(job)
    if (!declared) throw new Error(`The job ${job} is not declared.`)
    return declared.pool
  }
  const { promise: closing, reject: close } = Promise.withResolvers<never>()
  closing.catch(() => {})
  // A queue that is not there may keep a call waiting for ever; the rows stay, and the next start publishes them.
  const unlessClosing = <Result>(call: Promise<Result>): Promise<Result> => Promise.race([call, closing])

  const look = (pool: Pool): Promise<JobsInQueue> => {
    const looking = unlessClosing(queues.jobsIn(pool))
    // There may be nothing to publish, and so nobody who waits for it.
    looking.catch(() => {})
    return looking
  }

  const chooseFor = async (
    entries: readonly BacklogEntry[],
    looking: Promise<JobsInQueue>,
  ): Promise<readonly BacklogEntry[]> => {
    const inQueue = await looking
    const room = queueRoom - inQueue.waiting.length
    if (room <= 0) return []
    const isShared = entries.some(({ project }) => project !== entries[0]?.project)
    return takeTurns(entries, isShared ? await countUnderWay(em, inQueue) : new Map(), room)
  }

  /** @returns which of the chosen rows this relay published, or found published; the others another one has */
  const publish = (chosen: readonly BacklogEntry[]): Promise<ReadonlySet<string>> =>
    em().transactional(async (tx) => {
      const claimed = await claim(
        tx,
        chosen.map(({ id }) => id),
      )
      if (claimed.length === 0) return new Set()
      // Read after the locks: another relay may have published a row and let go of it in between.
      const entries = await rows(tx)
        .selectFrom('OutboxEntry')
        .select(['id', 'payload'])
        .where('id', 'in', claimed)
        .where('publishedAt', 'is', null)
        .execute()
      const payloads = new Map(entries.map(({ id, payload }) => [id, payload]))
      const mine = chosen.filter(({ id }) => payloads.has(id))
      for (const entry of mine) {
        await unlessClosing(queues.add(poolOf(entry), entry.job, payloads.get(entry.id), jobId(entry.id)))
      }
      if (mine.length > 0) {
        await rows(tx)
          .updateTable('OutboxEntry')
          .set({ publishedAt: sql<Date>`now()` })
          .where('id', 'in', [...payloads.keys()])
          .execute()
      }
      return new Set(claimed)
    })

  const hinted = new Set<Pool>()

  /** One look at the backlog. @param except rows that another relay has; those found now are added. @returns whether to look again */
  const publishSome = async (except: Set<string>): Promise<boolean> => {
    const looks = new Map([...hinted].map((pool) => [pool, look(pool)]))
    hinted.clear()
    const backlog = await readBacklog(em, [...byName.keys()], queueRoom, [...except])
    if (backlog.length === 0) return false
    const pools = [...Map.groupBy(backlog, poolOf)]
    const chosen = (
      await Promise.all(pools.map(([pool, entries]) => chooseFor(entries, looks.get(pool) ?? look(pool))))
    ).flat()
    if (chosen.length === 0) return false
    const done = await publish(chosen)
    for (const { id } of chosen) if (!done.has(id)) except.add(id)
    // Of so few none was left out: what comes now wakes whoever asked for it.
    return chosen.length < backlog.length || backlog.length >= queueRoom
  }

  let running: Promise<void> | undefined
  let askedAgain = false
  let closed = false
  const publishAll = async () => {
    do {
      askedAgain = false
      const except = new Set<string>()
      while (!closed && (await publishSome(except)));
    } while (askedAgain && !closed)
  }
  const wake = (pools: readonly Pool[] = []) => {
    for (const pool of pools) hinted.add(pool)
    askedAgain = true
    if (running || closed) return
    running = publishAll()
      .catch((error: unknown) => {
        if (!closed) log.warn({ error }, 'the outbox could not be published; trying again')
      })
      .finally(() => {
        running = undefined
        if (askedAgain) wake()
      })
  }
  const timer = setInterval(() => wake(), sweepMs)
  wake()
  return {
    wake,
    async [Symbol.asyncDispose]() {
      closed = true
      clearInterval(timer)
      const grace = setTimeout(() => close(new Error('The process is stopping.')), closeGraceMs)
      await running
      clearTimeout(grace)
    },
  }
}
