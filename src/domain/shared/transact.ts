import type { EntityManager } from '@mikro-orm/postgresql'
import type { Job } from '../../jobs/job.ts'
import { EventRecord } from '../event/event.entity.ts'
import type { EventBody, EventSubject } from '../event/event.ts'
import { OutboxEntry } from '../outbox/outbox.entity.ts'
import type { Services, Wake } from './services.ts'

/** What a command writes with: state, events and jobs become visible together or not at all. */
export interface Transaction {
  readonly em: EntityManager
  readonly now: Date
  emit(subject: EventSubject, body: EventBody): void
  enqueue<Payload extends Readonly<Record<string, string>>>(job: Job<Payload>, payload: Payload): void
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
  const result = await services.em().transactional(async (em) => {
    const now = services.clock()
    return work({
      em,
      now,
      emit(subject, body) {
        woken.add('events')
        em.create(EventRecord, {
          at: now,
          projectId: subject.projectId,
          specId: subject.specId ?? null,
          sprintId: subject.sprintId ?? null,
          sessionId: subject.sessionId ?? null,
          diffId: subject.diffId ?? null,
          body,
        })
      },
      enqueue(job, payload) {
        woken.add('outbox')
        em.create(OutboxEntry, {
          job: job.name,
          payload: job.payload.parse(payload),
          createdAt: now,
          publishedAt: null,
        })
      },
      wake(who) {
        woken.add(who)
      },
    })
  })
  for (const who of woken) services.wake[who]()
  return result
}
