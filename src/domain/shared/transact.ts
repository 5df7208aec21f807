import type { EntityManager } from '@mikro-orm/postgresql'
import type { Job } from '../../jobs/job.ts'
import type { EventBody, EventSubject } from '../event/event.ts'
import { type ToldEvent, toldEvent } from '../event/insert-events.ts'
import { type AskedJob, askedJob, type StoredJob } from '../outbox/insert-jobs.ts'
import { inTransaction } from './in-transaction.ts'
import type { Services, Wake } from './services.ts'
import { storeTold } from './store-told.ts'

/** What a command writes with: state, events and jobs become visible together or not at all. */
export interface Transaction {
  readonly em: EntityManager
  readonly now: Date
  /** The trace in which this is done, to be stored with what it begins; null where none is recorded. */
  trace(): string | null
  emit(subject: EventSubject, body: EventBody): void
  /** @param trace what the job is a part of, where that is not what asks for it */
  enqueue<Payload extends Readonly<Record<string, string>>>(
    job: Job<Payload>,
    payload: Payload,
    trace?: string | null,
  ): void
  /** Tells somebody to look after the commit; `emit` and `enqueue` do so by themselves. */
  wake(who: keyof Wake): void
}

const deadlock = '40P01'
const attempts = 5

/**
 * Runs one command in one transaction. Nothing slow belongs inside: no model, git or sandbox.
 * Whom it concerns is woken after the commit. A transaction that PostgreSQL ended because
 * two waited for each other is run again from its beginning.
 */
export const transact = async <Result>(
  services: Services,
  work: (tx: Transaction) => Promise<Result>,
): Promise<Result> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runOnce(services, work)
    } catch (error) {
      if ((error as { code?: unknown }).code !== deadlock || attempt === attempts) throw error
      services.log.warn({ error, attempt }, 'two transactions waited for each other; trying again')
    }
  }
}

const runOnce = async <Result>(services: Services, work: (tx: Transaction) => Promise<Result>): Promise<Result> => {
  const woken = new Set<keyof Wake>()
  let stored: readonly StoredJob[] = []
  const result = await inTransaction(services.em(), services.log, async (em) => {
    const now = services.clock()
    const events: ToldEvent[] = []
    const jobs: AskedJob[] = []
    const done = await work({
      em,
      now,
      trace: services.tracer.current,
      emit(subject, body) {
        woken.add('events')
        events.push(toldEvent(subject, body))
      },
      enqueue(job, payload, trace = services.tracer.current()) {
        woken.add('outbox')
        jobs.push(askedJob(job.name, job.payload.parse(payload), trace))
      },
      wake(who) {
        woken.add(who)
      },
    })
    if (events.length > 0 || jobs.length > 0) {
      // What a job is about may be new in this transaction.
      await em.flush()
      stored = await storeTold(em, events, jobs, now)
    }
    return done
  })
  for (const who of woken) {
    if (who === 'outbox') services.wake.outbox({ stored })
    else services.wake[who]()
  }
  return result
}
