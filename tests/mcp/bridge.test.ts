import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { openBridge } from '../../src/cli/mcp/bridge.ts'

const request = (id: number) => `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list', params: {} })}\n`

/** A bridge to a server that answers in some way of its own. */
const bridgeTo = async (answer: RequestListener) => {
  await using stack = new AsyncDisposableStack()
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => void server.close().closeAllConnections())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [stdin, stdout] = [new PassThrough(), new PassThrough()]
  const warned: string[] = []
  const bridge = stack.use(await openBridge({ url, token: 'csk_x', stdin, stdout, warn: (text) => warned.push(text) }))
  const lines = createInterface({ input: stdout })
  const owned = stack.move()
  return {
    stdin,
    warned,
    bridge,
    async ask(id: number) {
      stdin.write(request(id))
      const [line] = await once(lines, 'line')
      return JSON.parse(line)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

it.each<{ what: string; answer: RequestListener; says: RegExp }>([
  {
    what: 'that knows no such token',
    answer: (_, response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('{}'),
    says: /does not know the token/,
  },
  {
    what: 'that is something else',
    answer: (_, response) => response.writeHead(502).end(`<html>\u001b[31m${'x'.repeat(5_000)}`),
    says: /^.{0,50}answered with the status 502.{0,550}$/s,
  },
  {
    what: 'that is gone before it answers',
    answer: ({ socket }) => socket.destroy(),
    says: /did not answer: fetch failed/,
  },
  {
    what: 'that is gone in the middle of its answer',
    answer: (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n', () => response.destroy())
    },
    says: /was lost before the answer came.*clientMutationId/s,
  },
])('of a server $what the host hears in words, and its log without control characters', async ({ answer, says }) => {
  await using joined = await bridgeTo(answer)
  expect(await joined.ask(1)).toMatchObject({ id: 1, error: { code: -32_603, message: expect.stringMatching(says) } })
  expect(joined.warned).toEqual([expect.stringMatching(says)])
  expect(joined.warned[0]).not.toContain('\u001b')
})

it('goes on after a line that is no message, and ends with its host', async () => {
  const headers: unknown[] = []
  await using joined = await bridgeTo((asked, response) => {
    headers.push(asked.headers.authorization)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":2,"result":{}}')
  })
  joined.stdin.write('{"jsonrpc":"2.0","method":5}\n')
  expect(await joined.ask(2)).toEqual({ jsonrpc: '2.0', id: 2, result: {} })
  expect(headers).toEqual(['Bearer csk_x'])
  expect(joined.warned).toHaveLength(1)
  joined.stdin.end()
  await joined.bridge.closed
})
