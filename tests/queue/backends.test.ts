import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { endedSprint, readyProject, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { testRedis } from '../support/redis.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const redis = testRedis()
const onRedis: Readonly<Record<string, string>> = redis.url === null ? {} : { REDIS_URL: redis.url }

const helloWorld = async (server: TestServer) => {
  const projectId = await readyProject(server)
  const sprintId = await startedSprint(server, await validatedSpec(server, projectId))
  return endedSprint(server, sprintId)
}

/** An API without workers and a worker without an API's work, on one database. */
const apart = async (env: Readonly<Record<string, string>>) => {
  await using stack = new AsyncDisposableStack()
  const databaseUrl = stack.use(await createTestDatabase()).url
  const dataDir = stack.use(await temporaryDirectory()).path
  const api = stack.use(await startTestServer({ env, databaseUrl, dataDir, pools: {} }))
  const worker = stack.use(await startTestServer({ env, databaseUrl, dataDir }))
  const owned = stack.move()
  return { api, worker, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Text that one process writes, as another one reads it. */
const readAlong = async ({ api, worker }: { readonly api: TestServer; readonly worker: TestServer }) => {
  const pieces = api.context.services.textFeed.follow('a session')
  const first = pieces.next()
  const piece = { sessionId: 'a session', messageId: 'm', agent: 'coder', iteration: 1, offset: 0 }
  worker.context.services.textFeed.write({ ...piece, sessionId: 'another', text: 'not this' })
  worker.context.services.textFeed.write({ ...piece, text: 'Written elsewhere.' })
  const { value } = await first
  await pieces.return(undefined)
  return value?.text
}

/** What two processes hear of a signal of the one, up to a later one of the other. */
const signalled = async ({ api, worker }: { readonly api: TestServer; readonly worker: TestServer }) => {
  const heard: string[] = []
  const [first, later] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await worker.context.queues.signals.subscribe('test', () => heard.push('itself'))
  await worker.context.queues.signals.subscribe('later', later.resolve)
  await api.context.queues.signals.subscribe('test', () => {
    heard.push('the other')
    first.resolve()
  })
  await worker.context.queues.signals.publish('test')
  await first.promise
  // What it would hear of itself it has heard before that.
  await api.context.queues.signals.publish('later')
  await later.promise
  return heard
}

it('on PostgreSQL alone: what one process asks for another does, and its events come back', async () => {
  await using processes = await apart({})
  expect(processes.api.context.queues.backend).toBe('postgres')
  expect(await helloWorld(processes.api)).toBe('COMPLETED')
  expect(await readAlong(processes)).toBe('Written elsewhere.')
  expect(await signalled(processes)).toEqual(['the other'])
  // A listener whose connection was cut listens again, and looks once, since nobody knows what it has missed.
  const again = Promise.withResolvers<void>()
  await processes.api.context.queues.signals.subscribe('again', () => again.resolve())
  await processes.worker.context.services.em().execute(
    `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and (query like 'listen "countersign%' or query like 'select pg_notify(%')`,
  )
  await again.promise
  expect(await signalled(processes)).toContain('the other')
})

describe.skipIf(redis.url === null)(`on Redis${redis.note}`, () => {
  it('what one process asks for another does, and its events come back; another deployment has keys of its own', async () => {
    await using processes = await apart(onRedis)
    await using other = await startTestServer({ env: onRedis, pools: {} })
    expect(processes.api.context.queues.backend).toBe('redis')
    expect(await helloWorld(processes.api)).toBe('COMPLETED')
    expect(await readAlong(processes)).toBe('Written elsewhere.')
    expect(await signalled(processes)).toEqual(['the other'])

    const client = new Redis(redis.url ?? '')
    try {
      const keys = await client.keys('countersign-*')
      const prefixes = new Set(keys.map((key) => key.split(':')[0]))
      expect(prefixes.size).toBeGreaterThanOrEqual(2)
      expect(await client.keys('bull:*')).toEqual([])
    } finally {
      client.disconnect()
    }
    expect(await other.context.queues.ping()).toBeUndefined()
  })
})
