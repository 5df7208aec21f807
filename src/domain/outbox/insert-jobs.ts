import { projectOfAsked, subjectOf } from './job-project.ts'

/** A job that a transaction asks for, by the names of the outbox's columns. */
export interface AskedJob extends ReturnType<typeof subjectOf> {
  readonly job: string
  readonly payload: Readonly<Record<string, string>>
  /** The trace that it is a part of; null where none is recorded. */
  readonly trace: string | null
}

/** A job as its row in the outbox has it. */
export interface StoredJob extends Pick<AskedJob, 'job' | 'payload'> {
  readonly id: string
  /** When its transaction began, by the database's clock. */
  readonly at: string
}

export const askedJob = (job: string, payload: Readonly<Record<string, string>>, trace: string | null): AskedJob => ({
  job,
  payload,
  ...subjectOf(payload),
  trace,
})

/**
 * Writes jobs in the order in which they were asked for, each with its project, whose row must be written by then. Takes
 * when that was as $1, and gives what it has stored.
 * @param parameter what stands for the jobs as JSON
 */
export const insertJobs = (parameter: '$2' | '$3'): string =>
  `insert into outbox (job, payload, project_id, trace, created_at)
  select asked.job, asked.payload, ${projectOfAsked}, asked.trace, $1::timestamptz
  from jsonb_to_recordset(${parameter}::jsonb) as asked
    (job text, payload jsonb, subject text, subject_id uuid, trace text)
  returning id, job, payload, now() as at`
