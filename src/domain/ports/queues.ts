/** The port to the job queues, one a pool, and to the messages between processes. */

import type { Pool } from '../../jobs/job.ts'

export interface QueuedJob {
  readonly name: string
  /** As it was added. */
  readonly id: string
  readonly payload: unknown
}

/** What a pool's queue holds that nobody has begun. */
export interface QueueCounts {
  readonly pool: Pool
  readonly waiting: number
  /** Jobs that failed and are tried again later. */
  readonly delayed: number
  /** When the first in line was published; null when none waits. */
  readonly oldestAt: Date | null
}

export interface RunningWorker {
  /** Takes no new job, waits for those that run, and ends. */
  close(): Promise<void>
}

/** Messages from a process to all others that only say "look again": they may be lost. */
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

/** The ids of jobs in a queue; of very many the first thousand. */
export interface JobsInQueue {
  readonly waiting: readonly string[]
  /** Taken by a worker. */
  readonly running: readonly string[]
}

/** Tells whether a backend has lost jobs that it was given. */
export interface QueueMemory {
  /** Has the backend keep a name, in the place of any earlier one. */
  keep(name: string): Promise<void>
  /** Whether it still has this name. If not, it was wiped, or is another one, or has come up anew: jobs may be lost. */
  has(name: string): Promise<boolean>
}

/** The queues of all pools. A job may be lost, doubled, late or out of order without harm. */
export interface Queues extends AsyncDisposable {
  readonly backend: 'redis' | 'postgres'
  /** Adding the same id again changes nothing. */
  add(pool: Pool, name: string, payload: unknown, id: string): Promise<void>
  work(pool: Pool, concurrency: number, handle: (job: QueuedJob) => Promise<void>): Promise<RunningWorker>
  /** What is in a pool's queue at this moment. */
  jobsIn(pool: Pool): Promise<JobsInQueue>
  /** What each pool's queue holds. @throws Error when the backend does not answer */
  counts(): Promise<readonly QueueCounts[]>
  readonly signals: Signals
  readonly messages: Messages
  readonly memory: QueueMemory
  /** Answers when the backend answers. */
  ping(): Promise<void>
  /** What may lose jobs although the backend answers, in words; null when nothing does. */
  danger(): Promise<string | null>
}
