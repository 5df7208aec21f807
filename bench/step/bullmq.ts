import pg from 'pg'
import { notFlushed } from '../../src/domain/shared/statement-marks.ts'
import { openBareQueue, type Place } from './queue.ts'
import { inTransaction, isDone, statements } from './table.ts'
import { concurrency, createWaiting, type Way } from './way.ts'

/** BullMQ alone: a job is added and done, and nothing is stored but by BullMQ. */
export const openBullmq = async (place: Place): Promise<Way> => {
  const waiting = createWaiting(true)
  const queue = await openBareQueue(place, {
    name: 'bare',
    prefix: 'bench-bare',
    concurrency,
    work: async (id) => waiting.stored(id),
    completed: waiting.completed,
  })
  return {
    async run(id) {
      const took = waiting.wait(id)
      await queue.add(id)
      return await took
    },
    isDone: (id) => queue.isCompleted(id),
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  }
}

// What a step is made of here, as one would write it by hand for this case alone.
const own = {
  ask: (id: string) => ({
    name: 'ask',
    text: `insert into outbox (job, payload, created_at) values ('bench-step', jsonb_build_object('benchId', $1::text), now()) returning id`,
    values: [id],
  }),
  publish: (id: string) => ({
    name: 'publish',
    text: `update outbox set published_at = now() where id = $1 and ${notFlushed}`,
    values: [id],
  }),
  take: (id: string) => ({
    name: 'take',
    text: `insert into lease (resource, owner, fence, again, until) values ($1, 'bench', nextval('lease_fence'), false, now() + interval '15 s')
      on conflict (resource) do update set owner = excluded.owner, fence = excluded.fence, again = false, until = excluded.until
      where lease.until < now() returning fence`,
    values: [`maintenance:${id}`],
  }),
  hold: (id: string, fence: string) => ({
    name: 'hold',
    text: 'select fence from lease where resource = $1 and fence = $2 and until > now() for update',
    values: [`maintenance:${id}`, fence],
  }),
  release: (id: string, fence: string) => ({
    name: 'release',
    text: `update lease set until = to_timestamp(0) where resource = $1 and fence = $2 and not again and ${notFlushed}`,
    values: [`maintenance:${id}`, fence],
  }),
}

/**
 * BullMQ with the commits that a step is made of here, by hand: the row with its outbox row, the mark that it was
 * published, the lease, the stored completion under it, and letting go. The mark and the letting go are not waited for on
 * the disk, as ours are not.
 */
export const openBullmqWithCommits = async (place: Place): Promise<Way> => {
  const waiting = createWaiting(true)
  const pool = new pg.Pool({ connectionString: place.databaseUrl, max: 10 })
  const work = async (id: string) => {
    const fence = String((await pool.query(own.take(id))).rows[0]?.fence)
    await inTransaction(pool, async (client) => {
      await client.query(own.hold(id, fence))
      await client.query(statements.finish(id))
    })
    await pool.query(own.release(id, fence))
    waiting.stored(id)
  }
  const names = { name: 'by-hand', prefix: 'bench-by-hand' }
  const queue = await openBareQueue(place, { ...names, concurrency, work, completed: waiting.completed })
  return {
    async run(id) {
      const took = waiting.wait(id)
      let entry = ''
      await inTransaction(pool, async (client) => {
        await client.query(statements.add(id))
        entry = String((await client.query(own.ask(id))).rows[0]?.id)
      })
      await queue.add(id)
      await pool.query(own.publish(entry))
      return await took
    },
    isDone: (id) => isDone(pool, id),
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]()
      await pool.end()
    },
  }
}
