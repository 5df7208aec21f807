import { afterAll, beforeAll, expect, it } from 'vitest'
import { leaseOn, withLease } from '../../src/domain/lease/lease.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { endOverdue } from '../../src/domain/sprint/end-overdue.ts'
import { readSprint } from '../factories/agents.ts'
import { createCast } from '../factories/cast.ts'
import { sqlOf } from '../factories/gate.ts'
import { readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    overrides: {
      rehearsalOptions: cast.rehearsalOptions,
      // What is late is ended by the test alone.
      patience: { intervalMs: 3_600_000, waitingMs: 3_600_000, abandonedMs: 3_600_000 },
    },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const never = new AbortController().signal

it('a sprint whose decision is stored at the very moment when its time is up goes on', async () => {
  const { services } = server.context
  const arrived = Promise.withResolvers<void>()
  const task = cast.task('Decided late.', {
    coder: () => {
      arrived.resolve()
      return { kind: 'hang' }
    },
  })
  const globalId = await startedSprint(server, await validatedSpec(server, await readyProject(server), task))
  const id = rowId(globalId)
  await arrived.promise
  await sqlOf(
    server,
    `with late as (update phase set deadline_at = now() - interval '1 h' where sprint_id = $1 and kind = 'CODING' returning id)
    update candidate set status = 'COMPLETED', finished_at = now() - interval '1 h'
    where run_id in (select agent_run.id from agent_run join late on late.id = phase_id)`,
    [id],
  )
  const decided = Promise.withResolvers<void>()
  const stored = Promise.withResolvers<void>()
  const deciding = withLease(services, leaseOn('sprint', id), never, (lease) =>
    lease.transact(async (tx) => {
      const connection = tx.em.getConnection()
      const execute = (text: string) => connection.execute(text, [id], 'run', tx.em.getTransactionContext())
      await execute("update phase set status = 'SUCCEEDED' where sprint_id = ? and kind = 'CODING'")
      await execute("update agent_run set status = 'COMPLETED' where sprint_id = ? and purpose = 'CODING'")
      decided.resolve()
      await stored.promise
    }),
  )
  await decided.promise
  const ending = transact(services, (tx) => endOverdue(tx, id))
  const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await expect.poll(() => sqlOf(server, waits, [])).toHaveLength(1)
  stored.resolve()
  await deciding
  expect(await ending).toBe('goes on')
  expect(await readSprint(server, globalId)).toMatchObject({ status: 'ACTIVE', failure: null })
})
