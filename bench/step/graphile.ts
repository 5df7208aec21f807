import { Logger, run } from 'graphile-worker'
import pg from 'pg'
import { inTransaction, isDone, statements } from './table.ts'
import { concurrency, createWaiting, type Way } from './way.ts'

const silent = new Logger(() => () => {})

/** graphile-worker: the job is asked for in the transaction that writes its row. */
export const openGraphile = async (databaseUrl: string): Promise<Way> => {
  const waiting = createWaiting(false)
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 12 })
  const runner = await run({
    connectionString: databaseUrl,
    maxPoolSize: 12,
    concurrency,
    noHandleSignals: true,
    logger: silent,
    taskList: {
      step: async (payload) => {
        const { id } = payload as { id: string }
        await pool.query(statements.finish(id))
        waiting.stored(id)
      },
    },
  })
  const ask = (id: string) => ({
    name: 'ask',
    text: `select graphile_worker.add_job('step', json_build_object('id', $1::text))`,
    values: [id],
  })
  return {
    async run(id) {
      const took = waiting.wait(id)
      await inTransaction(pool, async (client) => {
        await client.query(statements.add(id))
        await client.query(ask(id))
      })
      return await took
    },
    isDone: (id) => isDone(pool, id),
    async [Symbol.asyncDispose]() {
      await runner.stop()
      await pool.end()
    },
  }
}
