/** The port to the job queues, one a pool, and to the messages between processes. */

import type { Pool } from '../../jobs/job.ts'

export interface QueuedJob {
  readonly name: string
  readonly payload: unknown
}

export interface RunningWorker {
  /** Takes no new job, waits for those that run, and ends. */
  close(): Promise<void>
}

/** Messages between processes that only say "look again": they may be lost. */
export interface Signals {
  publish(topic: string): Promise<void>
  subscribe(topic: string, listener: () => void): Promise<void>
}

/** The queues of all pools. A job may be lost, doubled, late or out of order without harm. */
export interface Queues extends AsyncDisposable {
  readonly backend: 'redis' | 'postgres'
  /** Adding the same id again changes nothing. */
  add(pool: Pool, name: string, payload: unknown, id: string): Promise<void>
  work(pool: Pool, concurrency: number, handle: (job: QueuedJob) => Promise<void>): Promise<RunningWorker>
  readonly signals: Signals
  /** Answers when the backend answers. */
  ping(): Promise<void>
}
