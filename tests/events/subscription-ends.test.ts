import { afterAll, beforeAll, expect, it } from 'vitest'
import { readyProject } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { subscribeBySse } from '../support/server-sent-events.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const projectEvents = `subscription ($id: ID!, $after: String) { projectEvents(projectId: $id, after: $after) { cursor } }`

it('who leaves while nothing happens leaves no subscriber behind, over WebSocket and SSE', async () => {
  const id = await readyProject(server)
  const { feed } = server.context
  const overWebSocket = server.subscribe(projectEvents, { id })
  const stop = new AbortController()
  const overSse = subscribeBySse(server, projectEvents, { id }, stop.signal)
  const waiting = [overWebSocket.next(), overSse.next().catch(() => undefined)]
  await expect.poll(() => feed.subscribers()).toBe(2)
  await overWebSocket.return?.()
  stop.abort()
  await Promise.all(waiting)
  await expect.poll(() => feed.subscribers()).toBe(0)
})

it.each(['nonsense', '18446744073709551616-1', '18446744073709551615-1'])(
  'the cursor %j is an error with a code over WebSocket and SSE, and leaves no subscriber',
  async (after) => {
    const id = await readyProject(server)
    const stop = new AbortController()
    for (const answers of [
      server.subscribe(projectEvents, { id, after }),
      subscribeBySse(server, projectEvents, { id, after }, stop.signal),
    ]) {
      const { value } = await answers.next()

      expect(value.errors[0].extensions.code).toBe('VALIDATION')
    }
    await expect.poll(() => server.context.feed.subscribers()).toBe(0)
  },
)
