import type { EntityManager } from '@mikro-orm/postgresql'
import { rows } from '../shared/database.ts'
import { projectOfJob } from './job-project.ts'

/** A job that a transaction asks for. */
export interface AskedJob {
  readonly job: string
  readonly payload: Readonly<Record<string, string>>
  /** The trace that it is a part of; null where none is recorded. */
  readonly trace: string | null
}

/** Stores jobs in the order in which they were asked for, each with its project, whose row must be written by then. */
export const storeJobs = async (em: EntityManager, asked: readonly AskedJob[], now: Date): Promise<void> => {
  await rows(em)
    .insertInto('OutboxEntry')
    .values(
      asked.map(({ job, payload, trace }) => ({
        job,
        payload,
        projectId: projectOfJob(payload),
        trace,
        createdAt: now,
        publishedAt: null,
      })),
    )
    .execute()
}
