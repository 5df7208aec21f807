import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { proposed } from '../factories/gate.ts'
import { addsFile, readyProject, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { cancelTestRun, testCase, testDiff } from '../factories/testing.ts'
import { processesMarked, reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { createTestDatabase } from '../support/database.ts'
import { startHeldProvider } from '../support/held-provider.ts'
import { testRedis } from '../support/redis.ts'
import { startTestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const redis = testRedis()
const skipReason = await reasonToSkip()

/** An API without workers, and a worker that would not see by itself for minutes that a lease was revoked. */
const apart = async (env: Readonly<Record<string, string>>) => {
  await using stack = new AsyncDisposableStack()
  const provider = stack.use(await startHeldProvider())
  const databaseUrl = stack.use(await createTestDatabase()).url
  const dataDir = stack.use(await temporaryDirectory()).path
  const common = { env: { ...env, ...provider.env }, databaseUrl, dataDir }
  const api = stack.use(await startTestServer({ ...common, pools: {} }))
  const worker = stack.use(await startTestServer({ ...common, overrides: { leaseMs: 600_000, renewMs: 300_000 } }))
  const owned = stack.move()
  return { provider, api, worker, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Sleeps for a time that no other process on the machine sleeps for. */
const sleeper = () => `600.${randomInt(1e9)}`

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe.skipIf(skipReason !== null)(
  `what is canceled in one process${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  () => {
    const backends = [
      { name: 'PostgreSQL', env: {}, note: '', skip: false },
      { name: 'Redis', env: { REDIS_URL: redis.url ?? '' }, note: redis.note, skip: redis.url === null },
    ]
    for (const { name, env, note, skip } of backends) {
      it.skipIf(skip)(`stops at once in another one, told over ${name}: tests and model calls${note}`, async () => {
        await using processes = await apart(env)
        const { api, provider, worker } = processes
        expect(worker.context.queues.backend).toBe(name === 'Redis' ? 'redis' : 'postgres')
        const projectId = await readyProject(api)
        const diff = await proposed(api, projectId, { content: addsFile('note.txt', ['A note.']) })
        const seconds = sleeper()
        await testCase(api, projectId, { command: ['sleep', seconds], timeoutMs: 120_000 })
        const isRunning = () => processesMarked(seconds).length > 0
        const run = await testDiff(api, diff.id)
        await until(isRunning)
        expect(await cancelTestRun(api, run.id)).toMatchObject({ status: 'CANCELED' })
        // The worker itself would look only in minutes: that it ends within the test's time shows that it was told.
        await until(() => !isRunning())

        // One coder waits for the model, the other one's tests run.
        const held = provider.hold((path, body) => path === '/v1/responses' && body.includes('run_tests'))
        const sprintId = await startedSprint(api, await validatedSpec(api, projectId))
        const call = await held
        await until(isRunning)
        const { cancelSprint } = await api.query(
          'mutation ($id: ID!) { cancelSprint(id: $id) { __typename ... on Sprint { status } } }',
          { id: sprintId },
        )
        expect(cancelSprint).toEqual({ __typename: 'Sprint', status: 'CANCELED' })
        await Promise.all([call.closed, until(() => !isRunning())])
      })
    }
  },
)
