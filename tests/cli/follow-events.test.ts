import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buildSchema, type ExecutionArgs, subscribe } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { z } from 'zod'
import { followEvents } from '../../src/cli/follow-events.ts'
import { createGraphQLClient, DroppedError, RequestError } from '../../src/cli/graphql-client.ts'

const schema = buildSchema(
  'type Query { a: Int } type Subscription { count(after: String): Tick! } type Tick { cursor: String! }',
)
const counting = {
  document: 'subscription Count($after: String) { event: count(after: $after) { cursor } }',
  event: z.object({ cursor: z.string() }),
}

interface CountingOptions {
  readonly last: number
  /** Ends the socket before it sends this one, the first time. */
  readonly dropBefore?: readonly number[]
  readonly token?: string
}

/** Counts from the cursor to `last` over real sockets, which it loses now and then, and then stays silent. */
const serveCounting = async ({ last, dropBefore = [], token }: CountingOptions) => {
  const drops = new Set(dropBefore)
  const asked: string[] = []
  const server = createServer()
  const sockets = new WebSocketServer({ server, path: '/graphql' })
  const terminate = () => {
    for (const socket of sockets.clients) socket.terminate()
  }
  const silence = new AbortController()
  async function* count(after: string) {
    for (let next = Number(after) + 1; next <= last; next += 1) {
      if (drops.delete(next)) {
        terminate()
        return
      }
      yield { count: { cursor: String(next) } }
    }
    await new Promise<void>((resolve) => silence.signal.addEventListener('abort', () => resolve(), { once: true }))
  }
  const subscriptions = useServer(
    {
      schema,
      onConnect: ({ connectionParams }) => token === undefined || connectionParams?.authorization === `Bearer ${token}`,
      subscribe: (args: ExecutionArgs) => {
        const after = String(args.variableValues?.after)
        asked.push(after)
        return subscribe({ ...args, rootValue: { count: () => count(after) } })
      },
    },
    sockets,
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      silence.abort()
      await subscriptions.dispose()
      terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const follow = (url: string, signal: AbortSignal, token = 'secret') => {
  const dropped: DroppedError[] = []
  const client = createGraphQLClient({ url, token, signal })
  const events = followEvents({
    client,
    subscription: counting,
    variables: {},
    after: '0',
    signal,
    onDropped: (error) => dropped.push(error),
    firstWaitMs: 1,
  })
  return { events, dropped }
}

test('across lost connections each event comes once, in order, since each one resumes after the last', async () => {
  await using server = await serveCounting({ last: 6, dropBefore: [3, 5], token: 'secret' })
  const stop = new AbortController()
  const { events, dropped } = follow(server.url, stop.signal)
  const seen: string[] = []
  for await (const { cursor } of events) {
    seen.push(cursor)
    if (cursor === '6') break
  }
  expect(seen).toEqual(['1', '2', '3', '4', '5', '6'])
  expect(server.asked).toEqual(['0', '2', '4'])
  expect(dropped).toHaveLength(2)
  expect(dropped[0]).toBeInstanceOf(DroppedError)
})

test('a refused token is not tried again', async () => {
  await using server = await serveCounting({ last: 1, token: 'secret' })
  const { events, dropped } = follow(server.url, new AbortController().signal, 'wrong')
  await expect(events.next()).rejects.toThrow(RequestError)
  expect(dropped).toEqual([])
})

test('a server that is not there is given up after several tries', async () => {
  const url = await (async () => {
    await using server = await serveCounting({ last: 1 })
    return server.url
  })()
  const { events, dropped } = follow(url, new AbortController().signal)
  await expect(events.next()).rejects.toThrow(DroppedError)
  expect(dropped.length).toBeGreaterThan(3)
})

test('an abort ends the waiting for a server that says nothing', async () => {
  await using server = await serveCounting({ last: 1 })
  const stop = new AbortController()
  const { events } = follow(server.url, stop.signal)
  expect((await events.next()).value).toEqual({ cursor: '1' })
  const next = events.next()
  stop.abort()
  expect(await next).toEqual({ done: true, value: undefined })
})
