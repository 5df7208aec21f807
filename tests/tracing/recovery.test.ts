import { afterAll, beforeAll, expect, it } from 'vitest'
import { recoverWork } from '../../src/workers/recovery.ts'
import { sqlOf } from '../factories/gate.ts'
import { readyProject } from '../factories/pipeline.ts'
import { createdSession, said } from '../factories/sessions.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Receiver, startReceiver } from './receiver.ts'

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
  await recoverWork(server.context.services, { intervalMs: 100, waitingMs: 0, abandonedMs: 0 })
  expect(await jobs()).toEqual([first, first])
  const [turn] = await sqlOf(server, 'select trace from session_turn')
  expect(turn).toEqual(first)
})
