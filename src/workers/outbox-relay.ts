import type { StoredJob } from '../domain/outbox/insert-jobs.ts'
import type { JobsInQueue, Queues } from '../domain/ports/queues.ts'
import { inTransaction } from '../domain/shared/in-transaction.ts'
import { runStatement } from '../domain/shared/run-statement.ts'
import type { Logger, OutboxNews, Services } from '../domain/shared/services.ts'
import { prepared, withNext } from '../domain/shared/statement-marks.ts'
import { takeTurns } from '../domain/shared/take-turns.ts'
import type { Job, Pool } from '../jobs/job.ts'
import { type BacklogEntry, countUnderWay, jobId, readBacklog } from './outbox-backlog.ts'
import { createStoredPublisher } from './publish-stored.ts'
import { createQueueRooms, queueRoom } from './queue-rooms.ts'

/**
 * Publishes outbox rows to the queues, right after their commit and, for what a crash left, on a timer. A queue is kept
 * short: what it has no room for waits in the outbox, where projects take turns, and is published as jobs are taken.
 */
export interface OutboxRelay extends AsyncDisposable {
  /** Publishes what was stored, and looks for rows that others have left and for room in the queues. */
  wake(news?: OutboxNews): void
}

const sweepMs = 1_000
// For a queue that answers; one that does not is not waited for.
const closeGraceMs = 2_000
/**
 * Where nothing was left to publish, room in a queue is nothing that hurries: others may have left something since, and
 * the queue has some jobs still. So one look serves all jobs that are taken meanwhile.
 */
const roomPatienceMs = 20
/** How many stored jobs are published at the same time without a look at the outbox. */
const mostUnderWay = 100

const claimStatement = `${prepared('outbox-claim')}
  select id::text, pg_try_advisory_xact_lock(hashtextextended('outbox', id)) as mine
  from outbox where id = any ($1::bigint[]) and published_at is null`

const readStatement = `${prepared('outbox-read')}
  select id::text, payload from outbox where id = any ($1::bigint[]) and published_at is null`

const publishedStatement = `${withNext('outbox-published')}
  update outbox set published_at = now() where id = any ($1::bigint[])`

/**
 * Those rows that no other relay has, until the transaction ends. Advisory locks, not row locks: a row lock
 * gives the transaction an id, and while it waits for a slow queue no later event could be read.
 */
const claim = async (tx: ReturnType<Services['em']>, ids: readonly string[]): Promise<readonly string[]> => {
  const found = await runStatement<{ id: string; mine: boolean }>(tx, claimStatement, [ids])
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
  const poolOf = ({ job }: { readonly job: string }): Pool => {
    const declared = byName.get(job)
    if (!declared) throw new Error(`The job ${job} is not declared.`)
    return declared.pool
  }
  // No race with one promise for all of them: that would keep what each of them gave.
  const leaving = new Set<(error: Error) => void>()
  let isLeft = false
  const stopping = () => new Error('The process is stopping.')
  // A queue that is not there may keep a call waiting for ever; the rows stay, and the next start publishes them.
  const unlessClosing = <Result>(call: Promise<Result>): Promise<Result> =>
    new Promise((resolve, reject) => {
      if (isLeft) reject(stopping())
      leaving.add(reject)
      call.then(resolve, reject).finally(() => leaving.delete(reject))
    })
  const add: Queues['add'] = (...job) => unlessClosing(queues.add(...job))
  const rooms = createQueueRooms((pool) => unlessClosing(queues.jobsIn(pool)))
  const stored = createStoredPublisher(em, add, rooms)

  const chooseFor = async (
    pool: Pool,
    entries: readonly BacklogEntry[],
    looking: Promise<JobsInQueue>,
  ): Promise<readonly BacklogEntry[]> => {
    const inQueue = await looking
    const room = rooms.left(pool)
    if (room <= 0) return []
    const isShared = entries.some(({ project }) => project !== entries[0]?.project)
    const chosen = takeTurns(entries, isShared ? await countUnderWay(em, inQueue) : new Map(), room)
    rooms.spend(pool, chosen.length)
    return chosen
  }

  /** @returns which of the chosen rows this relay published, or found published; the others another one has */
  const publish = (chosen: readonly BacklogEntry[]): Promise<ReadonlySet<string>> =>
    inTransaction(em(), log, async (tx) => {
      const claimed = await claim(
        tx,
        chosen.map(({ id }) => id),
      )
      if (claimed.length === 0) return new Set()
      // Read after the locks: another relay may have published a row and let go of it in between.
      const entries = await runStatement<{ id: string; payload: unknown }>(tx, readStatement, [claimed])
      const payloads = new Map(entries.map(({ id, payload }) => [id, payload]))
      const mine = chosen.filter(({ id }) => payloads.has(id))
      await Promise.all(mine.map((entry) => add(poolOf(entry), entry.job, payloads.get(entry.id), jobId(entry.id))))
      if (mine.length > 0) await runStatement(tx, publishedStatement, [`{${mine.map(({ id }) => id).join()}}`])
      return new Set(claimed)
    })

  const hinted = new Set<Pool>()
  /** Whether rows may be left that come before what is stored from now on. */
  let isBehind = true

  /** One look at the backlog. @param except rows that another relay has; those found now are added. @returns whether to look again */
  const publishSome = async (except: Set<string>): Promise<boolean> => {
    const looks = new Map([...hinted].map((pool) => [pool, rooms.look(pool)]))
    hinted.clear()
    const backlog = await readBacklog(em, [...byName.keys()], queueRoom, [...except, ...stored.underWay])
    isBehind = backlog.length > 0
    if (backlog.length === 0) return false
    const pools = [...Map.groupBy(backlog, poolOf)]
    const chosen = (
      await Promise.all(pools.map(([pool, entries]) => chooseFor(pool, entries, looks.get(pool) ?? rooms.look(pool))))
    ).flat()
    if (chosen.length === 0) return false
    const done = await publish(chosen)
    for (const { id } of chosen) if (!done.has(id)) except.add(id)
    // Of so few none was left out: what comes now wakes whoever asked for it.
    isBehind = chosen.length < backlog.length || backlog.length >= queueRoom
    return isBehind
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
  const warn = (error: unknown) => {
    if (!closed) log.warn({ error }, 'the outbox could not be published; trying again')
  }
  const look = () => {
    askedAgain = true
    if (running || closed) return
    running = publishAll()
      .catch(warn)
      .finally(() => {
        running = undefined
        if (askedAgain) look()
      })
  }
  let soon: NodeJS.Timeout | undefined
  const lookSoon = () => {
    soon ??= setTimeout(() => {
      soon = undefined
      look()
    }, roomPatienceMs)
  }
  const publishStored = async (pool: Pool, jobs: readonly StoredJob[]): Promise<void> => {
    // A queue that refuses is asked again by the timer.
    if (!(await stored.publish(pool, jobs))) look()
  }

  const wake = (news: OutboxNews = {}) => {
    if (closed) return
    const { taken } = news
    const known = (news.stored ?? []).filter(({ job }) => byName.has(job))
    if (taken) rooms.taken(taken)
    // A queue that does not answer is not asked for each job.
    const isWaiting = stored.underWay.size >= mostUnderWay
    for (const [pool, jobs] of Map.groupBy(known, poolOf)) {
      if (isBehind || isWaiting) hinted.add(pool)
      else publishStored(pool, jobs).catch(warn)
    }
    if (isBehind || isWaiting || (known.length === 0 && !taken)) look()
    else if (taken) lookSoon()
  }
  const timer = setInterval(look, sweepMs)
  look()
  return {
    wake,
    async [Symbol.asyncDispose]() {
      closed = true
      clearInterval(timer)
      clearTimeout(soon)
      const grace = setTimeout(() => {
        isLeft = true
        for (const leave of leaving) leave(stopping())
      }, closeGraceMs)
      await Promise.all([running, stored.settled()])
      clearTimeout(grace)
    },
  }
}
