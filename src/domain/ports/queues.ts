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

/** Messages between processes that carry something: not kept, and possibly lost. A process gets its own ones too. */
export interface Messages {
  /** @param data a JSON value */
  publish(topic: string, data: unknown): Promise<void>
  subscribe(topic: string, listener: (data: unknown) => void): Promise<void>
}

/** The queues of all pools. A job may be lost, doubled, late or out of order without harm. */
export interface Queues extends AsyncDisposable {
  readonly backend: 'redis' | 'postgres'
  /** Adding the same id again changes nothing. */
  add(pool: Pool, name: string, payload: unknown, id: string): Promise<void>
  work(pool: Pool, concurrency: number, handle: (job: QueuedJob) => Promise<void>): Promise<RunningWorker>
  readonly signals: Signals
  readonly messages: Messages
  /** Answers when the backend answers. */
  ping(): Promise<void>
}
