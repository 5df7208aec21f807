import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { inTransaction, isDone, statements } from './table.ts'
import { concurrency, createWaiting, type Way } from './way.ts'

/** pg-boss, told of new jobs: the job is asked for in the transaction that writes its row. */
export const openPgBoss = async (databaseUrl: string): Promise<Way> => {
  const waiting = createWaiting(false)
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 12 })
  const boss = new PgBoss({ connectionString: databaseUrl, max: 12, useListenNotify: true })
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue('step', { notify: true })
  const options = {
    localConcurrency: concurrency,
    // By default it waits half a minute for what no message tells of; this is the shortest that it takes.
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 0.5,
    // Otherwise a worker takes one job and sleeps, however many wait.
    batchSize: 10,
    burstWhenBatchFull: true,
  }
  await boss.work<{ id: string }>('step', options, async (jobs) => {
    await Promise.all(
      jobs.map(async ({ data }) => {
        await pool.query(statements.finish(data.id))
        waiting.stored(data.id)
      }),
    )
  })
  return {
    async run(id) {
      const took = waiting.wait(id)
      await inTransaction(pool, async (client) => {
        await client.query(statements.add(id))
        const executeSql = (text: string, values?: unknown[]) => client.query(text, values)
        await boss.send('step', { id }, { db: { executeSql } })
      })
      return await took
    },
    isDone: (id) => isDone(pool, id),
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: true })
      await pool.end()
    },
  }
}
