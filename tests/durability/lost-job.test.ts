import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openQueues } from '../../src/adapters/queue/queues.ts'
import { silent } from '../factories/event-log.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { programFile } from '../support/programs.ts'
import { testRedis } from '../support/redis.ts'

const script = programFile('tests/support/taking-worker-process')
const redis = testRedis()
const takenMs = { lockDuration: 400, stalledInterval: 200 }

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

describe.each([
  { backend: 'PostgreSQL', skip: false, redisUrl: null },
  { backend: `Redis${redis.note}`, skip: redis.url === null, redisUrl: redis.url },
])('on $backend', ({ skip, redisUrl }) => {
  it.skipIf(skip)('a job whose worker died with it, before any row says so, is given to another one', async () => {
    const options = { redisUrl: redisUrl ?? undefined, databaseUrl: database.url, deployment: randomUUID() }
    const doomed = spawn(process.execPath, [script, JSON.stringify({ options, takenMs })], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    onTestFinished(() => {
      doomed.kill('SIGKILL')
    })
    await using queues = await openQueues(options, silent, takenMs)
    await queues.add('candidates', 'run-candidate', { candidateId: 'one' }, 'outbox-1')
    await once(doomed.stdout, 'data')
    doomed.kill('SIGKILL')
    const given = Promise.withResolvers<unknown>()
    const worker = await queues.work('candidates', 1, async ({ payload }) => given.resolve(payload))
    expect(await given.promise).toEqual({ candidateId: 'one' })
    await worker.close()
    expect(await queues.jobsIn('candidates')).toEqual({ waiting: [], running: [] })
  })
})
