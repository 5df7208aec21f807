import { createPostgresBackend, type PostgresConnectionOptions, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'

/** On what a queue is. */
export interface Place {
  readonly databaseUrl: string
  /** Null: on the database. */
  readonly redisUrl: string | null
}

/** BullMQ as this project uses it, without this project. */
export interface BareQueue extends AsyncDisposable {
  add(id: string): Promise<void>
  isCompleted(id: string): Promise<boolean>
}

/** What the two backends' classes have in common; their own types name the backend. */
interface Handle {
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}
interface QueueHandle extends Handle {
  add(name: string, data: { id: string }, options: { jobId: string }): Promise<unknown>
  getJob(id: string): Promise<{ isCompleted(): Promise<boolean> } | undefined>
}
interface WorkerHandle extends Handle {
  on(event: 'completed', listener: (job: { data: { id: string } }) => void): unknown
}

const keep = { removeOnComplete: { age: 3_600, count: 1_000 }, removeOnFail: { age: 86_400, count: 1_000 } }

/** As the product opens them: one pool, or one connection. */
const connect = ({ databaseUrl, redisUrl }: Place) => {
  if (redisUrl !== null) {
    const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
    return { kind: 'redis' as const, connection, close: () => connection.quit() }
  }
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 22,
    keepAlive: true,
    options: '-c search_path=bullmq',
  })
  pool.setMaxListeners(0)
  const connection = pool as unknown as PostgresConnectionOptions
  return { kind: 'postgres' as const, connection, close: () => pool.end() }
}

const closeAll = async (handles: readonly Handle[], last: () => Promise<unknown>): Promise<void> => {
  for (const handle of handles) await handle.close()
  await last()
}

/** @param prefix of the keys in Redis */
export const openBareQueue = async (
  place: Place,
  options: {
    readonly name: string
    readonly prefix: string
    readonly concurrency: number
    readonly work: (id: string) => Promise<void>
    /** The queue has stored that the job is over. */
    readonly completed: (id: string) => void
  },
): Promise<BareQueue> => {
  const { name, prefix, concurrency } = options
  const work = async ({ data }: { data: { id: string } }) => options.work(data.id)
  const opened = connect(place)
  const [queue, worker]: readonly [QueueHandle, WorkerHandle] =
    opened.kind === 'redis'
      ? [
          new Queue(name, { connection: opened.connection, prefix }),
          new Worker(name, work, { connection: opened.connection, prefix, concurrency, ...keep }),
        ]
      : [
          new Queue(name, { connection: opened.connection }, createPostgresBackend),
          new Worker(name, work, { connection: opened.connection, concurrency, ...keep }, createPostgresBackend),
        ]
  worker.on('completed', ({ data }) => options.completed(data.id))
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
  return {
    async add(id) {
      await queue.add('step', { id }, { jobId: id })
    },
    async isCompleted(id) {
      return (await queue.getJob(id))?.isCompleted() ?? false
    },
    [Symbol.asyncDispose]: () => closeAll([worker, queue], opened.close),
  }
}

/**
 * Has the product's own workers tell when the queue has stored that a job is over, as a worker of one's own tells it.
 * BullMQ's QueueEvents would tell of it as well, but on PostgreSQL they pass over what is committed out of the order of
 * its numbers, as it happens as soon as two jobs end at once, and wait for seconds where two tell at once.
 */
export const hearCompletions = (pool: string, completed: (data: unknown) => void): Disposable => {
  const { emit } = Worker.prototype
  Worker.prototype.emit = function (this: Worker, event, ...told) {
    const [job] = told as readonly [{ readonly data: unknown }?]
    if (event === 'completed' && this.name === pool && job) completed(job.data)
    return Reflect.apply(emit, this, [event, ...told])
  } as typeof emit
  return {
    [Symbol.dispose]() {
      Worker.prototype.emit = emit
    },
  }
}
