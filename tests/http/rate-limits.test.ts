import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { callerAddress } from '../../src/http/caller-address.ts'
import { createAllowances } from '../../src/http/rate-limit.ts'
import { actorWithToken } from '../factories/pipeline.ts'
import { connectSocket, initiate, openSocket } from '../support/graphql-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    pools: {},
    env: { RATE_LIMIT_PER_MINUTE: '30', TRUST_PROXY: '1' },
    overrides: { webSockets: { maxOperations: 2 } },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const whoAmI = '{ viewer { name } }'

const ask = (token: string | null, address: string, path = '/graphql') =>
  fetch(`${server.url}${path}`, {
    method: path === '/graphql' ? 'POST' : 'GET',
    headers: {
      'content-type': 'application/json',
      'x-forwarded-for': `203.0.113.200, ${address}`,
      ...(token !== null && { authorization: `Bearer ${token}` }),
    },
    ...(path === '/graphql' && { body: JSON.stringify({ query: whoAmI }) }),
  })

/** Far more at once than a minute has; each comes back with a token or without. */
const flood = (token: string | null, address: string) =>
  Promise.all(Array.from({ length: 120 }, () => ask(token, address)))

const statuses = (responses: readonly Response[]) => new Set(responses.map(({ status }) => status))

describe('more requests than a minute has', () => {
  it('of one token are answered with 429 and how long to wait, over HTTP, WebSocket, MCP and for archives', async () => {
    const { token } = await actorWithToken(server, { name: 'asks much' })
    await using socket = await openSocket(server.url, token)
    const responses = await flood(token, '203.0.113.1')
    expect(statuses(responses)).toEqual(new Set([200, 429]))
    const refused = responses.find(({ status }) => status === 429)
    const seconds = Number(refused?.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(await refused?.json()).toMatchObject({
      errors: [
        {
          message: expect.stringContaining('More than 30 requests a minute'),
          extensions: { code: 'RATE_LIMITED', retryAfterSeconds: seconds },
        },
      ],
    })
    // As many again, so that none of them finds what came back meanwhile.
    const [told] = await Promise.all([
      Promise.all(Array.from({ length: 40 }, () => socket.first(whoAmI))),
      flood(token, '203.0.113.1'),
    ])
    expect(told).toContainEqual([
      {
        message: expect.stringContaining('Ask again in'),
        extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) },
      },
    ])
    const elsewhere = await Promise.all(
      ['/mcp', '/versions/x'].flatMap((path) => Array.from({ length: 40 }, () => ask(token, '203.0.113.1', path))),
    )
    for (const path of ['/mcp', '/versions/x']) {
      expect(elsewhere.filter(({ status, url }) => status === 429 && url.endsWith(path))).not.toEqual([])
    }
    await expectNothingElseHurt()
  })

  it('of one address without a token keep nobody out whose token was good before', async () => {
    const { token } = await actorWithToken(server, { name: 'is at the same address' })
    expect((await ask(token, '203.0.113.2')).status).toBe(200)
    expect(statuses(await flood(null, '203.0.113.2'))).toEqual(new Set([401, 429]))
    expect((await ask(token, '203.0.113.2')).status).toBe(200)
    await expectNothingElseHurt()
  })

  it('of a token that comes first many times at once, as after a restart, are no guesses', async () => {
    const { token } = await actorWithToken(server, { name: 'comes back' })
    const address = '203.0.113.5'
    // The address has a few guesses left, and the token its whole minute.
    await Promise.all(Array.from({ length: 27 }, () => ask(null, address)))
    expect(statuses(await Promise.all(Array.from({ length: 25 }, () => ask(token, address))))).toEqual(new Set([200]))
  })

  it('over WebSocket do not count as a wrong token: clients connect again', async () => {
    const { token } = await actorWithToken(server, { name: 'connects much' })
    await flood(token, '203.0.113.3')
    const codes = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const socket = await connectSocket(server.url)
        initiate(socket, token)
        const code = await Promise.race([
          socket.closed.then((closed) => closed.code),
          new Promise((resolve) => socket.socket.once('message', () => resolve('admitted'))),
        ])
        await socket[Symbol.asyncDispose]()
        return code
      }),
    )
    expect(codes).toContain(1013)
    expect(codes).not.toContain(4403)
  })

  it('over WebSocket count also where each is one operation too many for its connection', async () => {
    const { token } = await actorWithToken(server, { name: 'insistent' })
    await using socket = await openSocket(server.url, token)
    const codes = new Set<string>()
    socket.socket.on('message', (data) => {
      const message = JSON.parse(String(data))
      if (message.type === 'error') codes.add(message.payload[0].extensions.code)
    })
    const query = 'subscription { events { cursor } }'
    for (let id = 0; id < 60; id += 1) {
      socket.socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }))
    }
    await expect.poll(() => [...codes].sort()).toEqual(['RATE_LIMITED', 'TOO_MANY_OPERATIONS'])
  })

  it('with wrong tokens are refused as well', async () => {
    expect(statuses(await flood('csk_guessed', '203.0.113.4'))).toEqual(new Set([401, 429]))
  })
})

const expectNothingElseHurt = async () => {
  const { token } = await actorWithToken(server, { name: 'another' })
  expect((await ask(token, '203.0.113.100')).status).toBe(200)
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
}

describe('an allowance', () => {
  it('is full at first, comes back with time, and never grows beyond a minute’s', () => {
    let now = 0
    const { take } = createAllowances(60, 10, () => now)
    for (let taken = 0; taken < 60; taken++) expect(take('a', 1)).toBe(0)
    expect(take('a', 1)).toBe(1)
    expect(take('a', 30)).toBe(30)
    expect(take('b', 60)).toBe(0)
    now += 2_000
    expect([take('a', 2), take('a', 1)]).toEqual([0, 1])
    now += 3_600_000
    expect([take('a', 60), take('a', 1)]).toEqual([0, 1])
  })

  it('is remembered for so many callers, those who asked last', () => {
    const allowances = createAllowances(60, 3, () => 0)
    for (let caller = 0; caller < 100_000; caller++) allowances.take(String(caller), 1)
    expect([99_996, 99_997, 99_998, 99_999].map((caller) => allowances.has(String(caller)))).toEqual([
      false,
      true,
      true,
      true,
    ])
  })
})

describe('the address of a caller', () => {
  const from = (remoteAddress: string, forwarded?: string) =>
    ({ headers: { 'x-forwarded-for': forwarded }, socket: { remoteAddress } }) as unknown as IncomingMessage

  it('is that of the connection, whatever a header says, unless a proxy is trusted', () => {
    expect(callerAddress(from('192.0.2.1', '198.51.100.1'), 0)).toBe('192.0.2.1')
    expect(callerAddress(from('192.0.2.1', '198.51.100.9, 198.51.100.1'), 1)).toBe('198.51.100.1')
    expect(callerAddress(from('192.0.2.1', '198.51.100.9, 198.51.100.1, 10.0.0.1'), 2)).toBe('198.51.100.1')
    expect(callerAddress(from('192.0.2.1', 'nonsense'), 1)).toBe('192.0.2.1')
    expect(callerAddress(from('192.0.2.1'), 1)).toBe('192.0.2.1')
  })

  it('of version 6 is one with all of its network, and of version 4 the same in either form', () => {
    const addresses = ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:0DB8:0001:0002:0:0:0:1']
    expect(new Set(addresses.map((address) => callerAddress(from(address), 0)))).toEqual(new Set(['2001:db8:1:2::/64']))
    expect(callerAddress(from('2001:db8::1'), 0)).toBe('2001:db8:0:0::/64')
    for (const mapped of ['::ffff:192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:FFFF:192.0.2.1']) {
      expect(callerAddress(from('10.0.0.1', mapped), 1)).toBe('192.0.2.1')
    }
  })
})

it('a limit that is 0 is none', () => {
  expect(readConfig({ RATE_LIMIT_PER_MINUTE: '0' }).api.rate.requestsPerMinute).toBe(0)
})
