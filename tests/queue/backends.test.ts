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

it('on PostgreSQL alone: what one process asks for another does, and its events come back', async () => {
  await using processes = await apart({})
  expect(processes.api.context.queues.backend).toBe('postgres')
  expect(await helloWorld(processes.api)).toBe('COMPLETED')
  expect(await readAlong(processes)).toBe('Written elsewhere.')
})

describe.skipIf(redis.url === null)(`on Redis${redis.note}`, () => {
  it('what one process asks for another does, and its events come back; another deployment has keys of its own', async () => {
    await using processes = await apart(onRedis)
    await using other = await startTestServer({ env: onRedis, pools: {} })
    expect(processes.api.context.queues.backend).toBe('redis')
    expect(await helloWorld(processes.api)).toBe('COMPLETED')
    expect(await readAlong(processes)).toBe('Written elsewhere.')

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
