import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OpenedSignals, openPostgresSignals } from '../../src/adapters/queue/signals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startPausableProxy } from '../support/pausable-proxy.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

const quick = { connectMs: 300, answerMs: 100, probeMs: 30, endMs: 100 }

const opened = (stack: AsyncDisposableStack, url: string, times = quick): OpenedSignals =>
  stack.adopt(
    openPostgresSignals(url, () => {}, times),
    (signals) => signals.close(),
  )

/** Carries connections, and cuts one that asks to listen where it is told to. */
const startCuttingProxy = async (target: string) => {
  const { hostname, port } = new URL(target)
  const open = new Set<ReturnType<typeof connect>>()
  let cuts = 0
  const cutAll = () => {
    for (const socket of open) socket.destroy()
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    open.add(client)
    client.on('close', () => {
      open.delete(client)
      upstream.destroy()
    })
    upstream.on('close', () => client.destroy())
    for (const socket of [client, upstream]) socket.on('error', () => {})
    upstream.on('data', (data) => client.write(data))
    client.on('data', (data) => {
      if (cuts > 0 && data.includes('listen "')) {
        cuts -= 1
        client.destroy()
      } else upstream.write(data)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    /** All that are open, and so many that ask to listen. */
    cut(more: number) {
      cuts = more
      cutAll()
    },
    connections: () => open.size,
    async [Symbol.asyncDispose]() {
      server.close()
      cutAll()
    },
  }
}

it('a connection that breaks off while it is made listen is replaced by one, which is closed with the others', async () => {
  await using stack = new AsyncDisposableStack()
  const proxy = stack.use(await startCuttingProxy(database.url))
  const signals = opened(stack, proxy.url, { ...quick, probeMs: 60_000 })
  const other = opened(stack, database.url)
  let heard = 0
  await signals.subscribe('cut', () => {
    heard += 1
  })
  proxy.cut(1)
  await expect.poll(() => heard, { timeout: 10_000 }).toBeGreaterThan(0)
  const before = heard
  await other.publish('cut')
  await expect.poll(() => heard).toBe(before + 1)
  expect(proxy.connections()).toBe(1)
  await signals.close()
  await expect.poll(() => proxy.connections()).toBe(0)
})

it('a connection that carries nothing any more is given up by who listens on it, and another one is made', async () => {
  await using stack = new AsyncDisposableStack()
  const proxy = stack.use(await startPausableProxy(database.url))
  const faults: string[] = []
  const signals = stack.adopt(
    openPostgresSignals(proxy.url, ({ message }) => faults.push(message), quick),
    (each) => each.close(),
  )
  let heard = 0
  await signals.subscribe('hung', () => {
    heard += 1
  })
  proxy.pause()
  await expect.poll(() => faults).toContain('Query read timeout')
  expect(heard).toBe(0)
  proxy.resume()
  // Nobody knows what was signalled meanwhile.
  await expect.poll(() => heard, { timeout: 10_000 }).toBe(1)
  await opened(stack, database.url).publish('hung')
  await expect.poll(() => heard).toBe(2)
})

it('publishing and closing do not wait for a connection that carries nothing any more', async () => {
  await using stack = new AsyncDisposableStack()
  const proxy = stack.use(await startPausableProxy(database.url))
  const signals = opened(stack, proxy.url, { ...quick, probeMs: 60_000 })
  await signals.publish('first')
  proxy.pause()
  await signals.publish('hung')
  // Another one, which cannot be made as yet.
  const second = signals.publish('later')
  await signals.close()
  await second
  const idle = opened(stack, proxy.url, { ...quick, connectMs: 60_000, answerMs: 60_000 })
  const never = idle.publish('never')
  await idle.close()
  await never
})
