import { afterAll, beforeAll, expect, it } from 'vitest'
import { recoverWork } from '../../src/workers/recovery.ts'
import { sqlOf } from '../factories/gate.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { createdSession, said } from '../factories/sessions.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Receiver, startReceiver } from './receiver.ts'

const patience = { intervalMs: 100, waitingMs: 0, abandonedMs: 0 }

/** Nobody works on sessions here. */
let server: TestServer
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  server = await startTestServer({ pools: { maintenance: 1 }, env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
})

it('work that is asked for again after its job was lost stays in the trace of who asked for it first', async () => {
  const projectId = await readyProject(server)
  await said(server, await createdSession(server, projectId), 'Go on.')
  const jobs = () => sqlOf(server, `select trace from outbox where job = 'run-session-turn' order by id`)
  const [first] = await jobs()
  expect(first?.trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  // As published long ago, and lost.
  await sqlOf(server, `update outbox set published_at = now() - interval '1 hour' where job = 'run-session-turn'`)
  await recoverWork(server.context.services, patience)
  expect(await jobs()).toEqual([first, first])
  const [turn] = await sqlOf(server, 'select trace from session_turn')
  expect(turn).toEqual(first)
})

it.each([
  ['whose job was asked for long ago', `update outbox set created_at = now() - interval '61 minutes'`],
  [
    'behind which twenty thousand jobs were asked for',
    `insert into outbox (job, payload, created_at, published_at)
      select 'another', '{}', now() + interval '1 minute', now() from generate_series(1, 20000)`,
  ],
])('work %s is asked for again in a trace of its own: nobody waits for a trace', async (_, elapse) => {
  const sessionId = await createdSession(server, await readyProject(server))
  await said(server, sessionId, 'Go on.')
  const ofSession = `payload ->> 'sessionId' = '${rowId(sessionId)}'`
  const traces = async () =>
    (await sqlOf(server, `select trace from outbox where ${ofSession} order by id`)).map(({ trace }) => trace)
  expect(await traces()).toEqual([expect.any(String)])
  await sqlOf(server, elapse)
  await sqlOf(server, `update outbox set published_at = now() - interval '1 hour' where ${ofSession}`)
  await recoverWork(server.context.services, patience)
  expect(await traces()).toEqual([expect.any(String), null])
})
