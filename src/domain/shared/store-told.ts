import type { EntityManager } from '@mikro-orm/postgresql'
import { insertEvents, type ToldEvent } from '../event/insert-events.ts'
import { type AskedJob, insertJobs, type StoredJob } from '../outbox/insert-jobs.ts'
import { runStatement } from './run-statement.ts'
import { prepared, withNext } from './statement-marks.ts'

const storeEvents = `${withNext('store-events')}${insertEvents}`
const storeJobs = `${prepared('store-jobs')}${insertJobs('$2')}`
const storeBoth = `${prepared('store-events-and-jobs')}with events as (${insertEvents}) ${insertJobs('$3')}`

/**
 * Stores the events and jobs of a transaction, whose rows must be written by then: with one statement for all of them.
 * That of events alone is sent with the commit.
 * @returns the jobs, in their order
 */
export const storeTold = async (
  em: EntityManager,
  events: readonly ToldEvent[],
  jobs: readonly AskedJob[],
  now: Date,
): Promise<readonly StoredJob[]> => {
  const at = now.toISOString()
  if (jobs.length === 0) return runStatement(em, storeEvents, [at, JSON.stringify(events)])
  if (events.length === 0) return runStatement<StoredJob>(em, storeJobs, [at, JSON.stringify(jobs)])
  return runStatement<StoredJob>(em, storeBoth, [at, JSON.stringify(events), JSON.stringify(jobs)])
}
