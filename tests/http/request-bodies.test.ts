import { once } from 'node:events'
import { type ClientRequest, createServer, type IncomingMessage, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { unmeasured } from '../../src/domain/ports/measure.ts'
import { closeQueued } from '../../src/http/close-queued.ts'
import { graphqlRoute } from '../../src/http/graphql-route.ts'
import { bodyLimits, maxArchiveBytes, maxBodyBytes } from '../../src/http/limits.ts'
import { serveMcp } from '../../src/http/mcp.ts'
import { createQuota } from '../../src/http/quota.ts'

/**
 * The routes: that of GraphQL in front of a stand-in for the server, which reads what is sent and says how much it was,
 * and that of MCP, where nothing comes as far as a tool.
 */
let server: Server
const refused: string[] = []
beforeAll(async () => {
  const route = graphqlRoute({
    yoga: (async (asked: IncomingMessage & { body?: NodeJS.ReadableStream }, response: NodeJS.WritableStream) => {
      response.once('close', () => server.emit('left'))
      server.emit('taken')
      const body = await buffer(asked.body ?? asked).catch(() => undefined)
      if (body && String(body) !== 'wait') response.end(`${body.length} bytes`)
    }) as never,
    signIn: async (_request, authorization) => ({ viewer: { tokenId: String(authorization) } as never }),
    corsOrigins: [],
    bodies: createQuota(bodyLimits.each, bodyLimits.all),
    measure: { refused: (code) => refused.push(code) },
  })
  const mcp = serveMcp({
    services: { measure: { ...unmeasured, refused: (code: string) => refused.push(code) } } as never,
    feed: {} as never,
    version: '1',
    signIn: async (_request, authorization) => {
      server.emit('taken')
      return { viewer: { tokenId: String(authorization) } as never }
    },
    corsOrigins: [],
    maxBodyBytes,
    bodies: createQuota(maxBodyBytes),
  })
  server = createServer((asked, response) => {
    if (asked.url !== '/mcp') return void route.serve(asked, response, '/graphql')
    response.once('close', () => server.emit('left'))
    mcp.serve(asked, response, '/mcp').catch(() => response.destroy())
  })
  closeQueued(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => server.close())
beforeEach(() => refused.splice(0))

/** The head of a request, with so many bytes announced and none sent; without a number it does not say how many. */
const announce = (
  token: string,
  bytes: number | undefined,
  type = 'multipart/form-data; boundary=x',
  path = '/graphql',
): ClientRequest => {
  const { port } = server.address() as AddressInfo
  const length = bytes === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(bytes) }
  const headers = { authorization: token, 'content-type': type, ...length }
  const sent = request({ port, host: '127.0.0.1', method: 'POST', path, headers })
  // Whoever is refused is hung up on, also while the rest is on its way.
  sent.on('error', () => undefined)
  sent.flushHeaders()
  return sent
}

const answer = async (sent: ClientRequest) => {
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: response.statusCode, headers: response.headers, text: String(await buffer(response)) }
}

const leave = async (sent: ClientRequest): Promise<void> => {
  const left = once(server, 'left')
  sent.destroy()
  await left
}

/** A body that goes on for as long as the test wants it to. */
const underWay = async (token: string, bytes: number) => {
  const taken = once(server, 'taken')
  const sent = announce(token, bytes)
  await taken
  return sent
}

it('bodies beyond what a token, or all, may have under way are refused with 503; small ones, and later ones, are not', async () => {
  const first = await underWay('a', maxArchiveBytes)
  const ofSame = await answer(announce('a', maxArchiveBytes))
  expect([ofSame.status, ofSame.headers['retry-after'], JSON.parse(ofSame.text).errors]).toEqual([
    503,
    '5',
    [{ message: expect.stringContaining(`${bodyLimits.each} with your token`), extensions: { code: 'TOO_BUSY' } }],
  ])
  const second = await underWay('b', maxArchiveBytes)
  expect((await answer(announce('c', maxArchiveBytes))).status).toBe(503)
  const small = announce('c', bodyLimits.small)
  small.end(Buffer.alloc(bodyLimits.small))
  expect(await answer(small)).toMatchObject({ status: 200, text: `${bodyLimits.small} bytes` })
  expect(refused).toEqual(['TOO_BUSY', 'TOO_BUSY'])

  await leave(first)
  const third = await underWay('c', maxArchiveBytes)
  for (const sent of [second, third]) await leave(sent)
})

it('one that does not say how long it is counts as it is read', async () => {
  const large = await underWay('d', maxArchiveBytes)
  const taken = once(server, 'taken')
  const unknown = announce('d', undefined)
  await taken
  const refusal = answer(unknown)
  const piece = Buffer.alloc(1024 * 1024)
  for (let sent = 0; sent <= bodyLimits.each - maxArchiveBytes + bodyLimits.small * 2; sent += piece.length) {
    if (!unknown.write(piece)) await Promise.race([once(unknown, 'drain'), refusal])
    await setImmediate()
  }
  expect((await refusal).status).toBe(503)
  await leave(large)

  const whole = announce('d', undefined)
  whole.end(Buffer.alloc(bodyLimits.small * 3))
  expect(await answer(whole)).toMatchObject({ status: 200, text: `${bodyLimits.small * 3} bytes` })
})

it.each([
  ['that says so', maxBodyBytes + 1],
  ['that does not say so', undefined],
])('one that is too large, %s, is refused with 413', async (_what, bytes) => {
  const sent = announce('e', bytes, 'application/json')
  const refusal = answer(sent)
  if (bytes === undefined) sent.end(Buffer.alloc(maxBodyBytes + 1))
  expect((await refusal).status).toBe(413)
  expect(refused).toEqual(['TOO_LARGE'])
})

it('bodies over MCP count as well, whether they say how long they are or not', async () => {
  const taken = once(server, 'taken')
  const first = announce('g', maxBodyBytes, 'application/json', '/mcp')
  await taken
  expect((await answer(announce('g', maxBodyBytes, 'application/json', '/mcp'))).status).toBe(503)
  const inPieces = announce('g', undefined, 'application/json', '/mcp')
  const refusal = answer(inPieces)
  inPieces.end(Buffer.alloc(bodyLimits.small * 3))
  expect((await refusal).status).toBe(503)
  expect(refused).toEqual(['TOO_BUSY', 'TOO_BUSY'])
  await leave(first)
  const whole = announce('g', undefined, 'application/json', '/mcp')
  whole.end(Buffer.alloc(bodyLimits.small * 3, 'x'))
  expect(await answer(whole)).toMatchObject({ status: 400, text: expect.stringContaining('cannot be read') })
})

it('whoever sends a second request behind one that is not answered, and leaves, gives back what it has taken', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const send = (type: string, bytes: number, body = '') => {
    const head = [
      'POST /graphql HTTP/1.1',
      'host: x',
      'authorization: f',
      `content-type: ${type}`,
      `content-length: ${bytes}`,
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  const first = once(server, 'taken')
  send('application/json', 4, 'wait')
  await first
  const second = once(server, 'taken')
  send('multipart/form-data; boundary=x', maxArchiveBytes)
  await second
  const left = once(server, 'left')
  socket.destroy()
  await left
  await leave(await underWay('f', maxArchiveBytes))
})
