import { expect, it } from 'vitest'
import { renderReport } from '../chaos/report.ts'
import { runChaos } from '../chaos/run-chaos.ts'
import { testSandbox } from '../support/sandbox.ts'

// The short form of `npm run test:chaos`, on BullMQ's PostgreSQL backend, which is there everywhere.
it('sprints and sessions end as if nothing had happened while processes are killed and the database is restarted', async () => {
  const report = await runChaos({
    seed: 7,
    sprints: 1,
    sessions: 1,
    backend: 'postgres',
    workers: 1,
    lanes: 2,
    hits: 0,
    minutes: 1,
    calm: 40,
    faults: 3,
    restarts: 1,
    databaseMs: 2_000,
    redisMs: 2_000,
    leaseMs: 4_000,
    patience: { intervalMs: 200, waitingMs: 2_000, abandonedMs: 300 },
    sandbox: testSandbox().driver,
    say: () => {},
  })
  const wrong = report.checks.filter(({ faults }) => faults.length > 0)
  expect(wrong, renderReport(report, false)).toEqual([])
}, 180_000)
