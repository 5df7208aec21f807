import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type HeldProvider, startHeldProvider } from '../support/held-provider.ts'
import { testRedis } from '../support/redis.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { subscribeBySse } from '../support/server-sent-events.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

let provider: HeldProvider
beforeAll(async () => {
  provider = await startHeldProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())

const redis = testRedis()
// Nobody finds anything by looking: what another process does next it was asked for.
const patience = { intervalMs: 3_600_000, waitingMs: 3_600_000, abandonedMs: 3_600_000 }

/** Two servers on one database, of which the test ends the first. */
const startPair = async (env: Readonly<Record<string, string>>) => {
  const stack = new AsyncDisposableStack()
  const database: TestDatabase = await createTestDatabase()
  stack.defer(() => database.drop())
  const directory: TemporaryDirectory = stack.use(await temporaryDirectory())
  const shared = { databaseUrl: database.url, dataDir: directory.path, overrides: { patience } }
  const first = stack.use(await startTestServer({ ...shared, env: { ...provider.env, ...env } }))
  const startSecond = async (): Promise<TestServer> =>
    stack.use(await startTestServer({ ...shared, env: { ...provider.env, ...env } }))
  onTestFinished(() => stack.disposeAsync())
  return { first, startSecond }
}

/** An interview that waits for OpenAI's questions, and has Anthropic's. */
const heldInterview = async (server: TestServer) => {
  const held = provider.hold((path) => path === '/v1/responses')
  const projectId = await readyProject(server)
  const { createSpec } = await server.query(
    `mutation ($input: CreateSpecInput!) { createSpec(input: $input) { ... on Spec { id } } }`,
    { input: { projectId, task: "Create a Python script that prints 'hello world' to stdout." } },
  )
  const call = await held
  provider.release()
  return { projectId, specId: rowId(createSpec.id), call }
}

/** A connection that nothing was asked on. What is asked on it is answered up to the connection's end. */
const openConnection = async (server: TestServer) => {
  const { hostname, port } = new URL(server.url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return (head: string, body = ''): Promise<string> => {
    socket.write(`${head} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${server.token}\r\n`)
    socket.write(`content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    return text(socket)
  }
}

const calls = async (server: TestServer): Promise<Readonly<Record<string, number>>> => {
  const found = await server.context.services
    .em()
    .getConnection()
    .execute<{ status: string; count: string }[]>('select status, count(*) from model_call group by status')
  return Object.fromEntries(found.map(({ status, count }) => [status, Number(count)]))
}

const interviewEnds = (server: TestServer, specId: string) =>
  server.event('InterviewChanged', (body) => body.specId === specId && !['QUEUED', 'RUNNING'].includes(body.status))

describe.each([
  { backend: 'PostgreSQL', skip: false, env: {} },
  { backend: `Redis${redis.note}`, skip: redis.url === null, env: { REDIS_URL: redis.url ?? '' } },
])('with its queue in $backend, a process that is told to end', ({ skip, env }) => {
  it.skipIf(skip)('takes no new work, stores the answer that it waits for, and leaves the rest to others', async () => {
    const before = provider.calls()
    const { first, startSecond } = await startPair({ ...env, DRAIN_SECONDS: '600' })
    const { projectId, specId, call } = await heldInterview(first)
    const second = await startSecond()
    const watched = `subscription ($id: ID!) { projectEvents(projectId: $id) { cursor } }`
    const overWebSocket = first.subscribe(watched, { id: projectId })
    const overSse = subscribeBySse(first, watched, { id: projectId }, new AbortController().signal)
    const askReadiness = await openConnection(first)
    const askQuery = await openConnection(first)
    const waiting = [overWebSocket.next(), overSse.next()]
    for (const each of waiting) each.catch(() => {})
    await expect.poll(() => first.context.feed.subscribers()).toBe(2)
    // Connections are taken in turn, so those two are when this is answered.
    await fetch(`${first.url}/healthz`, { headers: { connection: 'close' } })

    const ending = first[Symbol.asyncDispose]()
    // 1001: a client connects again. A stream that broke off is asked for again as well.
    await expect(waiting[0]).rejects.toMatchObject({ code: 1001 })
    await expect(waiting[1]).rejects.toThrow('terminated')
    // A proxy goes on to another process for this, whatever is asked.
    await expect(first.request('{ viewer { name } }')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    const readiness = await askReadiness('GET /readyz')
    expect(readiness).toMatch(/^HTTP\/1\.1 503 .*\r\nconnection: close\r\n.*"status":"draining"/is)
    const answer = await askQuery('POST /graphql', JSON.stringify({ query: '{ viewer { role } }' }))
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*"role":"ADMIN"/is)

    await call.answer()
    await ending
    await interviewEnds(second, specId)
    // Nothing was given up, and nothing bought twice: the second one had only the judge to ask.
    expect(await calls(second)).toEqual({ ANSWERED: provider.calls() - before })
    expect(
      await second.context.services
        .em()
        .getConnection()
        .execute(`select count(*)::int from model_call where agent = 'interviewer'`),
    ).toEqual([{ count: 2 }])
    await expect
      .poll(() => second.context.queues.jobsIn('planning'), { timeout: 20_000 })
      .toEqual({ waiting: [], running: [] })
  })
})

it('what does not end by the deadline is broken off, and another process does it at once', async () => {
  const { first, startSecond } = await startPair({ DRAIN_SECONDS: '1' })
  const { specId, call } = await heldInterview(first)
  const second = await startSecond()
  await first[Symbol.asyncDispose]()
  await call.closed
  await interviewEnds(second, specId)
  expect(await calls(second)).toMatchObject({ LOST: 1 })
  expect(await calls(second)).not.toHaveProperty('SENT')
})
