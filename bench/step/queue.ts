import { createPostgresBackend, type PostgresConnectionOptions, Queue, QueueEvents, Worker } from 'bullmq'
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

/** Tells of the jobs of a queue that are over, by the queue's own ids. */
export interface Completions extends AsyncDisposable {
  onCompleted(listener: (jobId: string) => void): void
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
interface EventsHandle extends Handle {
  on(event: 'completed', listener: (told: { jobId: string }) => void): unknown
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
  },
): Promise<BareQueue> => {
  const { name, prefix, concurrency } = options
  const work = async ({ data }: { data: { id: string } }) => options.work(data.id)
  const opened = connect(place)
  const [queue, worker]: readonly [QueueHandle, Handle] =
    opened.kind === 'redis'
      ? [
          new Queue(name, { connection: opened.connection, prefix }),
          new Worker(name, work, { connection: opened.connection, prefix, concurrency, ...keep }),
        ]
      : [
          new Queue(name, { connection: opened.connection }, createPostgresBackend),
          new Worker(name, work, { connection: opened.connection, concurrency, ...keep }, createPostgresBackend),
        ]
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

export const openCompletions = async (place: Place, name: string, prefix: string): Promise<Completions> => {
  const opened = connect(place)
  const events: EventsHandle =
    opened.kind === 'redis'
      ? new QueueEvents(name, { connection: opened.connection, prefix })
      : new QueueEvents(name, { connection: opened.connection }, createPostgresBackend)
  await events.waitUntilReady()
  return {
    onCompleted(listener) {
      events.on('completed', ({ jobId }) => listener(jobId))
    },
    [Symbol.asyncDispose]: () => closeAll([events], opened.close),
  }
}
