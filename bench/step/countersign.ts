import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { z } from 'zod'
import { readConfig } from '../../src/config.ts'
import { createContext } from '../../src/context.ts'
import { leaseOn, withLease } from '../../src/domain/lease/lease.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { withLogContext } from '../../src/domain/shared/log-context.ts'
import { runStatement } from '../../src/domain/shared/run-statement.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { withNext } from '../../src/domain/shared/statement-marks.ts'
import { type Transaction, transact } from '../../src/domain/shared/transact.ts'
import { defineJob } from '../../src/jobs/job.ts'
import { createLogger } from '../../src/logger.ts'
import { startOutboxRelay } from '../../src/workers/outbox-relay.ts'
import { hearCompletions, type Place } from './queue.ts'
import { concurrency, createWaiting, type Way } from './way.ts'

const job = defineJob({
  name: 'bench-step',
  pool: 'maintenance',
  payload: z.strictObject({ benchId: z.uuid() }),
})

export interface Countersign extends Way {
  /** As a command or a worker has them. */
  readonly services: Services
}

// As the product writes its events: nobody waits for the answer.
const askStatement = `${withNext('bench-ask')}insert into bench_step (id, state) values ($1, 'ASKED')`
const stepStatement = `${withNext('bench-step')}
  update bench_step set state = 'DONE', steps = steps + 1 where id = $1`

/** Another step of the row, stored. */
export const storeStep = async (tx: Transaction, id: string): Promise<void> => {
  await runStatement(tx.em, stepStatement, [id])
}

/** This product's own way: a command, the outbox, its relay, the queue, a lease, and a completion stored under it. */
export const openCountersign = async (place: Place, directory: string): Promise<Countersign> => {
  await using stack = new AsyncDisposableStack()
  const dataDir = join(directory, place.redisUrl === null ? 'on-postgres' : 'on-redis')
  await mkdir(dataDir, { recursive: true })
  const { databaseUrl, redisUrl } = place
  const config = readConfig({
    PATH: process.env.PATH,
    DATABASE_URL: databaseUrl,
    ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
    DATA_DIR: dataDir,
    LOG_LEVEL: 'fatal',
  })
  const log = createLogger(config.log)
  const context = stack.use(await createContext(config, { databaseUrl, log, rehearsal: false }))
  const relay = stack.use(startOutboxRelay(context.services.em, context.queues, [job], log))
  const services: Services = {
    ...context.services,
    jobs: [job],
    wake: { ...context.services.wake, outbox: (news) => relay.wake(news) },
  }
  const waiting = createWaiting(true)
  // As `startWorkerPools` does it for the product's own jobs.
  const worker = await context.queues.work(job.pool, concurrency, (queued) =>
    withLogContext({ job: queued.name, jobId: queued.id }, async () => {
      services.wake.outbox({ taken: job.pool })
      const { benchId } = job.payload.parse(queued.payload)
      const { signal } = new AbortController()
      await withLease(services, leaseOn('maintenance', benchId), signal, async (lease) => {
        lease.mayBegin()
        await lease.transact((tx) => storeStep(tx, benchId))
        waiting.stored(benchId)
      })
    }),
  )
  stack.defer(() => worker.close())
  stack.use(hearCompletions(job.pool, (data) => waiting.completed(job.payload.parse(data).benchId)))
  const owned = stack.move()
  return {
    services,
    async run(id) {
      const took = waiting.wait(id)
      await transact(services, async (tx) => {
        await runStatement(tx.em, askStatement, [id])
        tx.enqueue(job, { benchId: id })
      })
      return await took
    },
    async isDone(id) {
      const { rows: found } = await sql<{ state: string }>`
        select state from bench_step where id = ${id}::uuid`.execute(rows(services.em()))
      return found[0]?.state === 'DONE'
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
