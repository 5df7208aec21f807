import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { openQueues } from '../../src/adapters/queue/queues.ts'
import { openRedisConnection } from '../../src/adapters/queue/redis-connection.ts'
import { silent } from '../factories/event-log.ts'
import { type ConnectionProxy, startConnectionProxy } from '../support/connection-proxy.ts'
import { testRedis } from '../support/redis.ts'

const redis = testRedis()

/** The run's Redis, which can be taken away, and tells when it has been asked to wait for something. */
const startLosable = async () => {
  let isThere = true
  const asked = Promise.withResolvers<void>()
  const proxy: ConnectionProxy = await startConnectionProxy(redis.url ?? '', {
    takes: () => isThere,
    passes(data) {
      if (/\bxread\b/i.test(data.toString('latin1'))) asked.resolve()
      return true
    },
  })
  return {
    ...proxy,
    asked: asked.promise,
    lose() {
      isThere = false
      proxy.cut()
    },
  }
}

describe.skipIf(redis.url === null)(`a connection to Redis${redis.note}`, () => {
  it('that waits to connect again and is closed answers the command that was under way, and has ended', async () => {
    await using proxy = await startLosable()
    const connection = openRedisConnection(proxy.url, { retryStrategy: () => 3_600_000 }).duplicate()
    connection.on('error', () => {})
    await once(connection, 'ready')
    const blocked = connection.xread('BLOCK', 0, 'STREAMS', 'nothing-is-added-here', '$')
    const answered = expect(blocked).rejects.toThrow('Connection is closed.')
    await proxy.asked
    proxy.lose()
    await once(connection, 'reconnecting')
    const ended = once(connection, 'end')
    connection.disconnect()
    await Promise.all([answered, ended])
  })

  it('that is there again, is not ready yet and is closed does so too', async () => {
    await using proxy = await startLosable()
    const connection = openRedisConnection(proxy.url, { retryStrategy: () => 0 })
    connection.on('error', () => {})
    await once(connection, 'ready')
    const blocked = connection.xread('BLOCK', 0, 'STREAMS', 'nothing-is-added-here', '$')
    const answered = expect(blocked).rejects.toThrow('Connection is closed.')
    await proxy.asked
    // What is connected from now on is taken, and nothing of it is answered.
    proxy.pause()
    proxy.cut()
    await once(connection, 'connect')
    const ended = once(connection, 'end')
    connection.disconnect()
    await Promise.all([answered, ended])
  })

  it('the queues of a Redis that is gone can be closed', async () => {
    await using proxy = await startLosable()
    const queues = await openQueues({ redisUrl: proxy.url, databaseUrl: '', deployment: `gone-${process.pid}` }, silent)
    await queues.messages.subscribe('topic', () => {})
    await queues.signals.subscribe('topic', () => {})
    const worker = await queues.work('planning', 1, async () => {})
    await proxy.asked
    proxy.lose()
    await worker.close()
    await queues[Symbol.asyncDispose]()
  })

  it('the queues of a Redis that goes while they are closed can be closed', async () => {
    await using proxy = await startLosable()
    const queues = await openQueues(
      { redisUrl: proxy.url, databaseUrl: '', deployment: `going-${process.pid}` },
      silent,
    )
    await proxy.asked
    const closed = queues[Symbol.asyncDispose]()
    proxy.lose()
    await closed
  })
})
