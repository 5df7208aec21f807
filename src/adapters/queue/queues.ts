import {
  createPostgresBackend,
  createPostgresRelayBackend,
  type PostgresConnectionOptions,
  Queue,
  Relay,
  runMigrations,
  Worker,
} from 'bullmq'
import pg from 'pg'
import type { QueuedJob, Queues } from '../../domain/ports/queues.ts'
import type { Logger } from '../../domain/shared/services.ts'
import { type Pool, pools } from '../../jobs/job.ts'
import { evictionPolicy } from './eviction-policy.ts'
import type { QueueBoard } from './queue-board.ts'
import { createQueueMemory, type MemoryQueue } from './queue-memory.ts'
import { openRedisConnection } from './redis-connection.ts'
import { type OpenedSignals, openPostgresSignals, openRedisSignals } from './signals.ts'

// Half a minute in all: a database that restarts is back by then, and the job need not be missed by anybody first.
const retry = { attempts: 7, backoff: { type: 'exponential' as const, delay: 500 } }
/**
 * A job whose worker died is given to another one within the two together: also one that died before it had taken the
 * lease of the step, whose rows say nothing of it. However often that happens: a job is a hint, and is never given up for
 * it.
 */
const defaultTakenMs = { lockDuration: 15_000, stalledInterval: 10_000 }
const maxStalledCount = 1_000
type TakenMs = typeof defaultTakenMs
const keep = { removeOnComplete: { age: 3_600, count: 1_000 }, removeOnFail: { age: 86_400, count: 1_000 } }

// A relay whose backend was wiped subscribes again at its next heartbeat.
const relayTimes = { blockTimeout: 1_000, heartbeatInterval: 2_000 }

/** Puts BullMQ's tables into a schema of their own; several processes may do so at once. */
export const migrateQueues = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await runMigrations(client, 'bullmq')
  } finally {
    await client.end()
  }
}

/** What the two backends' classes have in common; their own types name the backend. */
interface QueueHandle extends MemoryQueue {
  on(event: 'error', listener: (error: Error) => void): unknown
  getJobCounts(...states: ('waiting' | 'delayed')[]): Promise<{ [state: string]: number }>
  getRanges(
    types: ('waiting' | 'active')[],
    start: number,
    end: number,
    isAscending: boolean,
  ): Promise<readonly string[]>
  getWaiting(start: number, end: number): Promise<readonly { readonly timestamp: number }[]>
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}
interface WorkerHandle {
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'failed', listener: (job: { name: string; id?: string } | undefined, error: Error) => void): unknown
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}
interface Backend {
  queue(name: string): QueueHandle
  worker(name: string, concurrency: number, handle: (job: QueuedJob) => Promise<void>): WorkerHandle
  relay(): Relay<PostgresConnectionOptions> | Relay
  signals(report: (error: Error) => void): OpenedSignals
  ping(): Promise<void>
  danger(): Promise<string | null>
  /** Which of its runs the backend is in, where a new one may lack what was written last in the one before. */
  incarnation(): Promise<string>
  /** From now on nothing waits until a backend is back that is gone. */
  letGo(): void
  close(): Promise<void>
  onError(listener: (error: Error) => void): void
}

const openPostgres = (databaseUrl: string, takenMs: TakenMs): Backend => {
  // One pool for every queue, worker and the relay: each keeps one client of it to listen on.
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 22,
    keepAlive: true,
    options: '-c search_path=bullmq',
  })
  // Each queue, worker and relay listens for the pool's errors.
  pool.setMaxListeners(0)
  // BullMQ's own type of a pool asks for an index signature that pg's does not have.
  const connection = pool as unknown as PostgresConnectionOptions
  return {
    queue: (name) => new Queue(name, { connection, defaultJobOptions: retry }, createPostgresBackend),
    worker: (name, concurrency, handle) =>
      new Worker(
        name,
        (job) => handle({ name: job.name, id: job.id ?? '', payload: job.data }),
        { connection, concurrency, maxStalledCount, ...takenMs, ...keep },
        createPostgresBackend,
      ),
    relay: () => new Relay({ connection, backend: createPostgresRelayBackend, ...relayTimes }),
    signals: (report) => openPostgresSignals(databaseUrl, report),
    ping: async () => {
      await pool.query('select 1')
    },
    danger: async () => null,
    // What it has acknowledged is there after a crash.
    incarnation: async () => 'durable',
    letGo: () => {},
    close: async () => {
      // It does not wait until the server has let go of each connection: one that ends sooner cuts what is left, and
      // nobody uses that any more.
      pool.removeAllListeners('error').on('error', () => {})
      await pool.end()
    },
    onError: (listener) => pool.on('error', listener),
  }
}

const openRedis = (redisUrl: string, prefix: string, takenMs: TakenMs): Backend => {
  const connection = openRedisConnection(redisUrl)
  return {
    queue: (name) => new Queue(name, { connection, prefix, defaultJobOptions: retry }),
    worker: (name, concurrency, handle) =>
      new Worker(name, (job) => handle({ name: job.name, id: job.id ?? '', payload: job.data }), {
        connection,
        prefix,
        concurrency,
        maxStalledCount,
        ...takenMs,
        ...keep,
      }),
    relay: () => new Relay({ connection, prefix, ...relayTimes }),
    signals: (report) => openRedisSignals(connection, prefix, report),
    ping: async () => {
      // A command to a Redis that is gone waits until it is back.
      if (connection.status !== 'ready') throw new Error(`Redis is not there (${connection.status}).`)
      await connection.ping()
    },
    danger: async () => {
      // An account that may not ask for it is a user's choice, and no fault of the queues.
      const policy = evictionPolicy(await connection.info('memory').catch(() => ''))
      return policy === null ? null : `Redis evicts keys (maxmemory-policy ${policy}), and with them jobs.`
    },
    incarnation: async () => {
      if (connection.status !== 'ready') throw new Error(`Redis is not there (${connection.status}).`)
      return /^run_id:(\S+)/m.exec(await connection.info('server'))?.[1] ?? 'unknown'
    },
    letGo: () => {
      // Not at its close: that comes in order as well, where there is nothing left to let go of.
      if (connection.status === 'ready') connection.once('reconnecting', () => connection.disconnect())
      else connection.disconnect()
    },
    close: async () => {
      if (connection.status === 'ready') await connection.quit()
      else connection.disconnect()
    },
    onError: (listener) => connection.on('error', listener),
  }
}

/** The queues of a process, with what a person may look at them by. */
export interface OpenedQueues extends Queues {
  /** @param basePath where it is served, as `/queues` */
  openBoard(basePath: string): Promise<QueueBoard>
}

/**
 * Opens the queues on Redis when there is a URL for it, otherwise on the database.
 * @param takenMs for how long a job stays with a worker that no longer says that it does it; what tests set otherwise
 * @param options.deployment names the database: deployments that share a Redis have keys of their own
 */
export const openQueues = async (
  options: { redisUrl: string | undefined; databaseUrl: string; deployment: string },
  log: Logger,
  takenMs: TakenMs = defaultTakenMs,
): Promise<OpenedQueues> => {
  const backend = options.redisUrl
    ? openRedis(options.redisUrl, `countersign-${options.deployment}`, takenMs)
    : openPostgres(options.databaseUrl, takenMs)
  const report = (error: Error) => log.error({ error }, 'queue backend')
  backend.onError(report)
  const queues = new Map<Pool, QueueHandle>()
  for (const pool of pools) {
    const queue = backend.queue(pool)
    queue.on('error', report)
    queues.set(pool, queue)
  }
  const memoryQueue = backend.queue('memory')
  memoryQueue.on('error', report)
  const relay = backend.relay()
  relay.on('error', report)
  const signals = backend.signals(report)
  await Promise.all([...queues.values(), memoryQueue].map((queue) => queue.waitUntilReady()))
  await relay.waitUntilReady()
  const queueOf = (pool: Pool): QueueHandle => {
    const queue = queues.get(pool)
    if (!queue) throw new Error(`There is no queue for the pool ${pool}.`)
    return queue
  }
  const publish = async (topic: string, data: unknown): Promise<void> => {
    try {
      await relay.publish(topic, data)
    } catch (error) {
      report(error as Error)
    }
  }
  return {
    backend: options.redisUrl ? 'redis' : 'postgres',
    async add(pool, name, payload, id) {
      await queueOf(pool).add(name, payload, { jobId: id })
    },
    async jobsIn(pool) {
      const [waiting, running] = await Promise.all([
        queueOf(pool).getRanges(['waiting'], 0, 999, true),
        queueOf(pool).getRanges(['active'], 0, 999, true),
      ])
      return { waiting, running }
    },
    async work(pool, concurrency, handle) {
      const worker = backend.worker(pool, concurrency, handle)
      worker.on('error', report)
      worker.on('failed', (job, error) => log.error({ pool, job: job?.name, id: job?.id, error }, 'job failed'))
      await worker.waitUntilReady()
      return { close: () => worker.close() }
    },
    async counts() {
      // Asked first: what is gone would keep the others waiting until it is back.
      await backend.ping()
      return Promise.all(
        [...queues].map(async ([pool, queue]) => {
          const { waiting = 0, delayed = 0 } = await queue.getJobCounts('waiting', 'delayed')
          const [oldest] = waiting > 0 ? await queue.getWaiting(0, 0) : []
          return { pool, waiting, delayed, oldestAt: oldest ? new Date(oldest.timestamp) : null }
        }),
      )
    },
    signals,
    messages: {
      publish,
      async subscribe(topic, listener) {
        await relay.subscribe(topic, ({ data }) => listener(data))
      },
    },
    memory: createQueueMemory(memoryQueue, backend.incarnation),
    ping: backend.ping,
    danger: backend.danger,
    async openBoard(basePath) {
      // What it loads, a second copy of BullMQ among it, is for those alone who want a board.
      const { createQueueBoard } = await import('./queue-board.ts')
      return createQueueBoard({ queues: [...queues.values()], ping: backend.ping, basePath })
    },
    async [Symbol.asyncDispose]() {
      backend.letGo()
      await Promise.all([relay.close(), signals.close()])
      await Promise.all([...queues.values(), memoryQueue].map((queue) => queue.close()))
      await backend.close()
    },
  }
}
