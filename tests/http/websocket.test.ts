import { once } from 'node:events'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { actorWithToken } from '../factories/pipeline.ts'
import { connectSocket, type GraphQLSocket, initiate, openSocket } from '../support/graphql-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
/** One that soon has enough of connections on which nothing happens. */
let impatient: TestServer
beforeAll(async () => {
  ;[server, impatient] = await Promise.all([
    startTestServer({
      pools: {},
      env: { WEBSOCKET_MAX_PER_TOKEN: '2' },
      overrides: { webSockets: { maxOperations: 2 } },
    }),
    // Who cannot answer a ping has a minute to say who it is.
    startTestServer({
      pools: {},
      env: { TRUST_PROXY: '1' },
      overrides: {
        webSockets: { pingMs: 1_000, idleMs: 10, initMs: 60_000, maxStrangersPerAddress: 3, maxStrangers: 4 },
      },
    }),
  ])
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await impatient[Symbol.asyncDispose]()
})

const whoAmI = '{ viewer { name } }'
const administrator = { data: { viewer: { name: 'Administrator' } } }
const events = 'subscription { events { cursor } }'

describe('a connection is closed by the server', () => {
  it.each([
    ['no JSON', 'x'],
    ['JSON without a type', '{}'],
    ['a type that there is not', '{"type":"start"}'],
    ['an operation without an id', '{"type":"subscribe","payload":{"query":"{ viewer { name } }"}}'],
    ['an operation without a query', '{"type":"subscribe","id":"1","payload":{}}'],
    ['a message that only a server sends', '{"type":"next","id":"1","payload":{}}'],
    ['a ping whose answer would be long', `{"type":"ping","payload":{"text":"${'x'.repeat(2_000)}"}}`],
  ])('with 4400 for %s', async (_what, message) => {
    await using socket = await openSocket(impatient.url, impatient.token)
    socket.socket.send(message)
    expect((await socket.closed).code).toBe(4400)
  })

  it('with 4401 for an operation before the connection was acknowledged', async () => {
    await using socket = await connectSocket(server.url)
    socket.first(whoAmI).catch(() => undefined)
    expect(await socket.closed).toEqual({ code: 4401, reason: 'Unauthorized' })
  })

  it.each([
    ['no token', null],
    ['a token that is none', 'csk_guessed'],
  ])('with 4403 for %s', async (_what, token) => {
    await using socket = await connectSocket(server.url)
    initiate(socket, token)
    expect(await socket.closed).toEqual({ code: 4403, reason: 'Forbidden' })
  })

  it('with 4406 for another protocol', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`)
    const [code] = await once(socket, 'close')
    expect(code).toBe(4406)
  })

  it('with 4408 when nobody says who is there', async () => {
    await using socket = await connectSocket(server.url)
    expect((await socket.closed).code).toBe(4408)
  })

  it.each([
    ['a short id', '1'],
    ['an id longer than a reason may be', 'x'.repeat(250)],
  ])('with 4409 for %s that has an operation already', async (_what, id) => {
    const { token } = await actorWithToken(server, { name: 'twice' })
    await using socket = await openSocket(server.url, token)
    const subscribe = JSON.stringify({ id, type: 'subscribe', payload: { query: events } })
    socket.socket.send(subscribe)
    socket.socket.send(subscribe)
    expect((await socket.closed).code).toBe(4409)
  })

  it('with 4429 when somebody says twice who is there', async () => {
    const { token } = await actorWithToken(server, { name: 'says it twice' })
    await using socket = await openSocket(server.url, token)
    initiate(socket, token)
    expect((await socket.closed).code).toBe(4429)
  })

  it.each([
    ['in one message', (token: string) => [{ type: 'connection_init', payload: { token, text: 'x'.repeat(17_000) } }]],
    ['in many', () => Array.from({ length: 20 }, () => ({ type: 'ping', payload: { text: 'x'.repeat(900) } }))],
  ])('with 1009 for much that comes before anybody said who they are, %s', async (_how, messages) => {
    await using socket = await connectSocket(impatient.url)
    for (const message of messages(impatient.token)) socket.socket.send(JSON.stringify(message))
    expect((await socket.closed).code).toBe(1009)
  })

  it('with 1009 for a message that is larger than a request may be', async () => {
    const { token } = await actorWithToken(server, { name: 'sends much' })
    await using socket = await openSocket(server.url, token)
    socket.socket.send(Buffer.alloc(16 * 1024 * 1024 + 1, ' '))
    expect((await socket.closed).code).toBe(1009)
  })
})

it('one more connection of a token than it may have is told so, and let in when another one has left', async () => {
  const { token } = await actorWithToken(server, { name: 'has many' })
  await using first = await openSocket(server.url, token)
  const second = await openSocket(server.url, token)
  await using third = await connectSocket(server.url)
  initiate(third, token)
  expect(await third.closed).toEqual({ code: 1013, reason: expect.stringContaining('has 2 connections') })
  expect(await first.first(whoAmI)).toMatchObject({ data: { viewer: { name: 'has many' } } })
  await using other = await openSocket(server.url, server.token)
  expect(await other.first(whoAmI)).toEqual(administrator)
  await second[Symbol.asyncDispose]()
  // The server hears of it a moment after the client.
  await expect.poll(() => openSocket(server.url, token).then((socket) => socket[Symbol.asyncDispose]())).toBeUndefined()
})

it('a subscription over HTTP counts as a connection of its token', async () => {
  const { token } = await actorWithToken(server, { name: 'streams' })
  const subscribe = (signal: AbortSignal | null = null) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify({ query: events }),
      signal,
    })
  const leaving = new AbortController()
  expect((await subscribe(leaving.signal)).status).toBe(200)
  await using _socket = await openSocket(server.url, token)
  const refused = await subscribe()
  expect([refused.status, refused.headers.get('retry-after'), await refused.text()]).toEqual([
    429,
    '5',
    expect.stringContaining('"code":"TOO_MANY_CONNECTIONS"'),
  ])
  await using other = await connectSocket(server.url)
  initiate(other, token)
  expect((await other.closed).code).toBe(1013)
  leaving.abort()
  await expect
    .poll(async () => {
      const again = new AbortController()
      const { status } = await subscribe(again.signal)
      again.abort()
      return status
    })
    .toBe(200)
})

it('operations that were canceled count until the work on them has ended', async () => {
  await using socket = await openSocket(server.url, server.token)
  const blocking = new pg.Client({ connectionString: server.config.databaseUrl })
  await blocking.connect()
  try {
    await blocking.query('begin; lock table project in access exclusive mode')
    const payload = { query: '{ projects(first: 1) { nodes { id } } }' }
    for (const id of ['a', 'b', 'c', 'd']) {
      socket.socket.send(JSON.stringify({ id, type: 'subscribe', payload }))
      socket.socket.send(JSON.stringify({ id, type: 'complete' }))
    }
    expect(await socket.first(whoAmI)).toMatchObject([{ extensions: { code: 'TOO_MANY_OPERATIONS' } }])
  } finally {
    await blocking.query('rollback')
    await blocking.end()
  }
  await expect.poll(() => socket.first(whoAmI)).toEqual(administrator)
})

it('an operation whose name is not in its document leaves nothing behind', async () => {
  await using socket = await openSocket(server.url, server.token)
  for (let count = 0; count < 5; count += 1) {
    const payload = { query: 'query one { viewer { name } }', operationName: 'other' }
    socket.socket.send(JSON.stringify({ id: `unknown ${count}`, type: 'subscribe', payload }))
    const [told] = await once(socket.socket, 'message')
    expect(JSON.parse(String(told))).toMatchObject({ type: 'error', payload: [{ message: expect.anything() }] })
  }
  expect(await socket.first(whoAmI)).toEqual(administrator)
})

it('an operation with an id of more than 256 characters is refused, and the others go on', async () => {
  await using socket = await openSocket(server.url, server.token)
  for (const [length, type] of [
    [256, 'next'],
    [257, 'error'],
  ] as const) {
    const id = 'x'.repeat(length)
    const said = once(socket.socket, 'message')
    socket.socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query: whoAmI } }))
    const [told] = await said
    expect(JSON.parse(String(told))).toMatchObject({ id, type })
    if (type === 'error') expect(String(told)).toMatch(/256 characters.*"BAD_REQUEST"/)
    // The end of the one that was answered comes before this.
    expect(await socket.first(whoAmI)).toEqual(administrator)
  }
})

it('one more operation than a connection may have under way is refused, and the others go on', async () => {
  await using socket = await openSocket(server.url, server.token)
  const listen = (id: string) =>
    socket.socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query: events } }))
  for (const id of ['a', 'b', 'c']) listen(id)
  const [refused] = await once(socket.socket, 'message')
  expect(JSON.parse(String(refused))).toMatchObject({
    id: 'c',
    type: 'error',
    payload: [{ message: expect.stringContaining('2 operations'), extensions: { code: 'TOO_MANY_OPERATIONS' } }],
  })
  expect(socket.socket.readyState).toBe(WebSocket.OPEN)
  socket.socket.send(JSON.stringify({ id: 'b', type: 'complete' }))
  expect(await socket.first(whoAmI)).toEqual(administrator)
})

it('a connection without an operation is closed in time, and one that listens is not', async () => {
  await using listening = await openSocket(impatient.url, impatient.token)
  listening.socket.send(JSON.stringify({ id: 'listens', type: 'subscribe', payload: { query: events } }))
  for (const _ of [1, 2]) {
    await using idle = await openSocket(impatient.url, impatient.token)
    expect(await idle.closed).toEqual({ code: 4421, reason: 'There was no operation for 0.01 s.' })
  }
  expect(await listening.first(whoAmI)).toEqual(administrator)
})

it('a connection whose other end gives no sign of life is dropped', async () => {
  const dead = new WebSocket(`${impatient.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    autoPong: false,
  })
  // Cut, without a word.
  const [code] = await once(dead, 'close')
  expect(code).toBe(1006)
})

it('a connection that asks and does not read is dropped before its answers fill the memory', async () => {
  await using socket = await openSocket(server.url, server.token)
  const client = socket.socket
  const ping = JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(950) } })
  client.pause()
  for (let count = 0; count < 48_000; count += 1) client.send(ping)
  await expect.poll(() => client.bufferedAmount === 0 || client.readyState !== client.OPEN).toBe(true)
  client.resume()
  expect((await socket.closed).code).toBe(1006)
})

it('a subscriber that does not read is sent what came meanwhile once it does, and is not dropped for it', async () => {
  const count = 1_700
  const { eventCursor: after } = await server.query('{ eventCursor }')
  const client = new pg.Client({ connectionString: server.config.databaseUrl })
  await client.connect()
  // More in all than a connection may leave unread.
  await client.query(
    `insert into event (at, project_id, body)
     select now(), gen_random_uuid(), json_build_object('type', 'CheckpointReached', 'label', repeat('x', 30000), 'sequence', number)
     from generate_series(1, $1) as number`,
    [count],
  )
  await client.end()
  const query =
    'subscription ($after: String) { events(after: $after) { ... on CheckpointReached { sequence label } } }'
  const listen = ({ socket }: GraphQLSocket) => {
    const numbers: number[] = []
    const heard = new Promise<readonly number[]>((resolve) => {
      socket.on('message', (data) => {
        numbers.push(Number(/"sequence":(\d+)/.exec(String(data))?.[1]))
        if (numbers.length === count) resolve(numbers)
      })
    })
    socket.send(JSON.stringify({ id: 'all', type: 'subscribe', payload: { query, variables: { after } } }))
    return heard
  }
  await using slow = await openSocket(server.url, server.token)
  await using quick = await openSocket(server.url, server.token)
  const late = listen(slow)
  slow.socket.pause()
  const inOrder = Array.from({ length: count }, (_, index) => index + 1)
  expect(await listen(quick)).toEqual(inOrder)
  slow.socket.resume()
  expect(await Promise.race([late, slow.closed])).toEqual(inOrder)
})

it('so many connections may not have said who they are, of one address and of all, and who is let in makes room', async () => {
  const from = (address: string) =>
    new WebSocket(`${impatient.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      headers: { 'x-forwarded-for': address },
    })
  const opened = async (address: string) => {
    const socket = from(address)
    await once(socket, 'open')
    return socket
  }
  const isRefused = async (address: string) => {
    const [error] = await once(from(address), 'error')
    return String(error).includes('429')
  }
  const first = await opened('203.0.113.1')
  const open = [first, await opened('203.0.113.1'), await opened('203.0.113.1')]
  expect(await isRefused('203.0.113.1')).toBe(true)
  open.push(await opened('203.0.113.2'))
  expect(await isRefused('203.0.113.3')).toBe(true)
  const payload = { authorization: `Bearer ${impatient.token}` }
  first.send(JSON.stringify({ type: 'connection_init', payload }))
  await once(first, 'message')
  open.push(await opened('203.0.113.3'))
  for (const socket of open) socket.terminate()
})
