import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OpenedSignals, openPostgresSignals } from '../../src/adapters/queue/signals.ts'
import { startConnectionProxy } from '../support/connection-proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

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

/** Stands before a server, and cuts so many of those that ask to listen as it is told. */
const startListenCutter = async (target: string) => {
  let cuts = 0
  const proxy = await startConnectionProxy(target, {
    passes(data) {
      if (cuts === 0 || !data.includes('listen "')) return true
      cuts -= 1
      return false
    },
  })
  return {
    ...proxy,
    /** All that are open, and so many that ask to listen. */
    cut(more: number) {
      cuts = more
      proxy.cut()
    },
  }
}

it('a connection that breaks off while it is made listen is replaced by one, which is closed with the others', async () => {
  await using stack = new AsyncDisposableStack()
  const proxy = stack.use(await startListenCutter(database.url))
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
  const proxy = stack.use(await startConnectionProxy(database.url))
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
  const proxy = stack.use(await startConnectionProxy(database.url))
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
