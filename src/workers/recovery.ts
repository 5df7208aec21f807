import { sql } from 'kysely'
import type { Queues } from '../domain/ports/queues.ts'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import { type Transaction, transact } from '../domain/shared/transact.ts'
import { handlers } from './handlers.ts'
import { endLateWork } from './late-work.ts'
import { noteLostJobs } from './lost-jobs.ts'
import { repeat } from './repeat.ts'
import { type Unfinished, unfinished } from './unfinished-work.ts'

/** How often recovery looks, and how long it leaves work alone that was asked for; all in milliseconds. */
export interface Patience {
  readonly intervalMs: number
  /** For a job to be picked up: long, since it may be waiting in its queue. */
  readonly waitingMs: number
  /** The same for work that somebody held and let go of. */
  readonly abandonedMs: number
}

export const defaultPatience: Patience = { intervalMs: 2_000, waitingMs: 60_000, abandonedMs: 5_000 }

const ago = (ms: number) => sql`now() - ${`${ms} milliseconds`}::interval`

/**
 * Work that is unfinished and that no job may be on its way to. A job that is not yet published is not lost; one that was
 * published a moment ago is waited for, unless the queues have lost what they had since.
 */
const findForgotten = async (em: Transaction['em'], { job, idName, find }: Unfinished, patience: Patience) => {
  const longestMs = Math.max(patience.waitingMs, patience.abandonedMs)
  const { rows: forgotten } = await sql<{ id: string }>`
    select work.id from (${find}) as work left join (
      select payload ->> ${idName} as id, max(published_at) as at, bool_or(published_at is null) as waits from outbox
      where job = ${job.name} and (published_at is null or published_at > ${ago(longestMs)}
        and published_at > (select coalesce(max(since), '-infinity') from queue_memory))
      group by 1
    ) as asked on asked.id = work.id
    where asked.id is null or not asked.waits
      and asked.at <= case when work.taken then ${ago(patience.abandonedMs)} else ${ago(patience.waitingMs)} end`.execute(
    rows(em),
  )
  return forgotten
}

// For a trace nobody waits: beyond these the work is asked for again in one of its own.
const traceRows = 20_000
const traceAgeMs = 3_600_000

/** The traces of the jobs that were asked for before, as far as they are among the newest rows of the outbox. */
const earlierTraces = async (
  em: Transaction['em'],
  { job, idName }: Unfinished,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const { rows: found } = await sql<{ id: string; trace: string }>`
    select distinct on (1) payload ->> ${sql.lit(idName)} as id, trace from (
      select id, job, payload, trace from outbox where created_at > ${ago(traceAgeMs)}
      order by created_at desc limit ${sql.lit(traceRows)}
    ) as newest
    where job = ${job.name} and trace is not null and payload ->> ${sql.lit(idName)} = any (${ids}::text[])
    order by 1, newest.id desc`.execute(rows(em))
  return new Map(found.map(({ id, trace }) => [id, trace]))
}

/** Of which kinds there is work that nobody holds: mostly of none, which one statement says. */
const kindsLeft = async (services: Services): Promise<readonly Unfinished[]> => {
  const each = unfinished.map(({ find }, place) => sql`select ${sql.lit(place)}::int as place where exists (${find})`)
  const { rows: found } = await sql<{ place: number }>`${sql.join(each, sql` union all `)}`.execute(rows(services.em()))
  const places = new Set(found.map(({ place }) => place))
  return unfinished.filter((_, place) => places.has(place))
}

/**
 * Asks again for work whose job was lost or whose worker died. Work that was asked for a moment ago is left alone. Of
 * several processes that do so at once, each sees what the one before has asked for.
 * @returns how many jobs were asked for
 */
export const recoverWork = async (services: Services, patience: Patience): Promise<number> => {
  let asked = 0
  for (const kind of await kindsLeft(services)) {
    asked += await transact(services, async (tx) => {
      await sql`select pg_advisory_xact_lock(hashtextextended('recovery', 0))`.execute(rows(tx.em))
      const forgotten = await findForgotten(tx.em, kind, patience)
      if (forgotten.length === 0) return 0
      const ids = forgotten.map(({ id }) => id)
      const traces = services.tracer.isOn ? await earlierTraces(tx.em, kind, ids) : undefined
      for (const id of ids) tx.enqueue(kind.job, { [kind.idName]: id }, traces?.get(id) ?? null)
      return forgotten.length
    })
  }
  return asked
}

/** Jobs for which there is no row that says that they are left to do. */
const withoutRows = handlers
  .map(({ job }) => job)
  .filter(({ name }) => !unfinished.some(({ job }) => job.name === name))

const recover = async (services: Services, queues: Queues, patience: Patience): Promise<void> => {
  const late = await endLateWork(services)
  try {
    const wasWiped = await noteLostJobs(services, queues, withoutRows)
    if (wasWiped)
      services.log.warn({ backend: queues.backend }, 'the queues have lost jobs: all work is asked for again')
  } catch (error) {
    services.log.warn({ error }, 'the queues could not be asked what they still have; trying again')
  }
  const asked = await recoverWork(services, patience)
  if (late + asked > 0) services.log.info({ late, asked }, 'late work was ended, or unfinished work asked for again')
}

/** Looks at once and then on a timer for late and unfinished work. */
export const startRecovery = (services: Services, queues: Queues, patience: Patience): AsyncDisposable =>
  repeat(
    () => recover(services, queues, patience),
    patience.intervalMs,
    (error) => services.log.warn({ error }, 'unfinished work could not be looked for; trying again'),
  )
