import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { createEventFeed } from '../../src/adapters/events/event-feed.ts'
import type { EventFeed } from '../../src/domain/ports/event-feed.ts'
import { silent, theBeginning } from '../factories/event-log.ts'
import { endedRun, testDiff } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { type FakeProvider, hello, type ProviderRequest, startFakeProvider } from './fake-provider.ts'
import { agent, budgetOf, meteredResults, recordedCalls } from './support.ts'

const skipReason = await reasonToSkip()

let database: TestDatabase
let directory: TemporaryDirectory
let orm: Orm
let feed: EventFeed
let provider: FakeProvider
beforeAll(async () => {
  database = await createTestDatabase()
  directory = await temporaryDirectory()
  orm = await createOrm(database.url)
  feed = await createEventFeed(() => orm.em.fork(), silent)
  provider = await startFakeProvider()
})
afterAll(async () => {
  await feed[Symbol.asyncDispose]()
  await orm.close()
  await provider[Symbol.asyncDispose]()
  await database.drop()
  await directory[Symbol.asyncDispose]()
})

const startProcess = () =>
  startServerProcess(
    { DATABASE_URL: database.url, DATA_DIR: directory.path, ...provider.env },
    { leaseMs: 1_000, patience: { intervalMs: 200, waitingMs: 2_000, abandonedMs: 300 } },
  )

/** What the factories need of a server. */
const asServer = (process: ServerProcess) =>
  ({
    query: process.query,
    event: async (type: string, matches: (body: never) => boolean) => {
      const events = feed.follow({ projectIds: null }, theBeginning)
      for await (const row of events) if (row.body.type === type && matches(row.body as never)) return row
      throw new Error('unreachable')
    },
    context: { services: { em: () => orm.em.fork() } },
  }) as unknown as TestServer

describe.skipIf(skipReason !== null)('a server that ends while a test waits for a model', () => {
  it('killed: the call counts as spent, and the test is run again by the next one', async () => {
    await using first = await startProcess()
    const server = asServer(first)
    const it = await agent(server, 'from ask import *\nprint(openai()[0])', { budget: { maxTokens: 100_000 } })
    const { promise: come, resolve } = Promise.withResolvers<ProviderRequest>()
    provider.answer((request) => resolve(request))
    const run = await testDiff(server, it.diffId, { testCaseIds: [it.testCaseId] })
    const { closed } = await come
    const [sent] = await recordedCalls(server, it.projectId)
    await first.end('SIGKILL')
    await closed
    provider.answer((_, response) => hello(response))
    await using second = await startProcess()
    const after = asServer(second)
    expect(await endedRun(after, run.id)).toMatchObject({ status: 'PASSED', results: [{ stdout: '200\n' }] })
    expect(await recordedCalls(after, it.projectId)).toMatchObject([
      { status: 'LOST', sequence: 0, reservedTokens: sent?.reservedTokens },
      { status: 'ANSWERED', sequence: 1, traceId: sent?.traceId },
    ])
    expect(await meteredResults(after, run.id)).toMatchObject([{ usage: { calls: 1 }, traceId: sent?.traceId }])
    expect(await budgetOf(after, it.projectId)).toMatchObject({
      spentTokens: (sent?.reservedTokens ?? 0) + 45,
      reservedTokens: 0,
    })
  }, 120_000)

  it('drained: the call ends with the provider and is settled before the server has ended', async () => {
    const server = await startTestServer({ env: provider.env, databaseUrl: database.url, dataDir: directory.path })
    const it = await agent(server, 'from ask import *\nopenai()')
    const { promise: come, resolve } = Promise.withResolvers<ProviderRequest>()
    provider.answer((request) => resolve(request))
    await testDiff(server, it.diffId, { testCaseIds: [it.testCaseId] })
    const { closed } = await come
    await server[Symbol.asyncDispose]()
    await closed
    expect(await recordedCalls({ context: { services: { em: () => orm.em.fork() } } }, it.projectId)).toMatchObject([
      { status: 'LOST' },
    ])
  })
})
