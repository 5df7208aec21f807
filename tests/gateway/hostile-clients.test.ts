import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenGateway } from '../../src/domain/ports/model-gateway.ts'
import { events, type FakeProvider, startFakeProvider } from './fake-provider.ts'
import { type Answer, ask, openGateway, question, rememberingBook } from './open-gateway.ts'

let provider: FakeProvider
beforeEach(async () => {
  provider = await startFakeProvider()
})
afterEach(() => provider[Symbol.asyncDispose]())

const opened = async ({ door }: OpenGateway): Promise<Socket> => {
  const socket = connect(door?.socket ?? '')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

const post = (headers: string, body = '') => `POST /v1/responses HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n${body}`

/** Writes as long as the other side takes it. @returns how many bytes it took */
const pour = async (socket: Socket, bytes: number): Promise<number> => {
  const piece = Buffer.alloc(64 * 1024, 'x')
  let written = 0
  while (written < bytes && !socket.destroyed) {
    // Called in the end, whether it could be written or not.
    await new Promise((resolve) => socket.write(piece, resolve))
    written += piece.length
  }
  return written
}

describe('a test that means harm to the gateway', () => {
  it('sends 100 MB: it is told that this is too much, and most of it is not even read', async () => {
    const { book, calls } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const size = 100 * 1024 * 1024
    const named = await ask(gateway, { body: Buffer.alloc(2 * 1024 * 1024, ' ') })
    expect(named).toMatchObject({ status: 413, json: { error: { code: 'request_too_large' } } })
    const unnamed = await opened(gateway)
    unnamed.write(post('transfer-encoding: chunked', `${size.toString(16)}\r\n`))
    expect(await pour(unnamed, size)).toBeLessThan(size / 4)
    expect(calls).toEqual([])
    expect((await ask(gateway, { body: question })).status).toBe(200)
  })

  it('opens 1,000 connections: the first few are kept, and when they go others come in', async () => {
    const { book } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    let closed = 0
    const { promise: settled, resolve } = Promise.withResolvers<void>()
    const sockets = Array.from({ length: 1_000 }, () => {
      const socket = connect(gateway.door?.socket ?? '').resume()
      socket.on('error', () => {})
      socket.once('close', () => {
        closed += 1
        if (closed === 968) resolve()
      })
      return socket
    })
    await settled
    expect(sockets.filter((socket) => !socket.destroyed)).toHaveLength(32)
    for (const socket of sockets) socket.destroy()
    // The server hears of it a moment later.
    let answer: Answer | null = null
    while (answer === null) answer = await ask(gateway, { body: question }).catch(() => null)
    expect(answer.status).toBe(200)
  })

  it('floods it with requests: after a while its gateway is closed, and its result will say so', async () => {
    const { book, notes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const socket = await opened(gateway)
    socket.resume()
    const flood = 'GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(100)
    for (let sent = 0; sent < 100 && !socket.destroyed; sent++) {
      socket.write(flood)
      await wait(1)
      // Each refusal ends its connection.
      if (socket.readableEnded || socket.destroyed) break
    }
    while (notes.length === 0) {
      const another = await opened(gateway).catch(() => null)
      if (another === null) break
      another.resume()
      another.write('GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n')
      await once(another, 'close')
    }
    expect(notes).toEqual([expect.stringMatching(/more than 2000 requests, and its gateway was closed/)])
    await expect(ask(gateway, { body: question })).rejects.toThrow()
    expect(provider.requests()).toEqual([])
  })

  it('never reads its answer: the provider is not read any further, and the end of the test ends it', async () => {
    const { book, outcomes } = rememberingBook()
    const gateway = await openGateway(provider, book)
    let written = 0
    const { promise: stuck, resolve } = Promise.withResolvers<void>()
    provider.answer(async (_, response) => {
      const event = { type: 'response.output_text.delta', delta: 'x'.repeat(60_000) }
      events(response, [event])
      while (!response.destroyed && written < 2_000) {
        written += 1
        if (response.write(`data: ${JSON.stringify(event)}\n\n`)) continue
        const drained = await Promise.race([once(response, 'drain'), wait(300, 'stuck', { ref: false })])
        if (drained === 'stuck') return resolve()
      }
      resolve()
    })
    const socket = await opened(gateway)
    socket.pause()
    const body = JSON.stringify({ ...question, stream: true })
    socket.write(post(`content-length: ${Buffer.byteLength(body)}`, body))
    await stuck
    // 60 kB each: what lies in buffers on the way, and not 120 MB.
    expect(written).toBeLessThan(300)
    await gateway[Symbol.asyncDispose]()
    expect(outcomes).toMatchObject([{ status: 'LOST' }])
    socket.destroy()
  })

  it('asks for much at a time: a few calls are made at once, and the others after them', async () => {
    const { book, outcomes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    let atOnce = 0
    let most = 0
    provider.answer(async (_, response) => {
      atOnce += 1
      most = Math.max(most, atOnce)
      await wait(20)
      atOnce -= 1
      events(response, [])
      response.destroy()
    })
    await Promise.allSettled(Array.from({ length: 20 }, () => ask(gateway, { body: question })))
    expect(most).toBe(4)
    await gateway[Symbol.asyncDispose]()
    expect(outcomes).toHaveLength(20)
  })

  it('sends request upon request on one connection: a bounded number of them is held, and its result will say so', async () => {
    const { book, calls, notes } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    const { promise: never } = Promise.withResolvers<void>()
    provider.answer(() => never)
    // Small as a text, and large as objects.
    const body = JSON.stringify({ ...question, metadata: Array(20_000).fill({}) })
    const before = process.memoryUsage().heapUsed
    const socket = await opened(gateway)
    socket.write(post(`content-length: ${body.length}`, body).repeat(200))
    await expect.poll(() => notes.length, { timeout: 10_000 }).toBeGreaterThan(0)
    expect(new Set(notes)).toEqual(new Set(['More than 64 requests at once.']))
    expect(calls.length).toBeLessThanOrEqual(4)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024)
    socket.destroy()
  })

  it('speaks something else than HTTP, or stops in the middle of it', async () => {
    const { book } = rememberingBook()
    await using gateway = await openGateway(provider, book)
    for (const text of [
      '\u0016\u0003\u0001\u0002',
      'CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n',
      post('content-length: 100', '{"model"'),
    ]) {
      const socket = await opened(gateway)
      socket.resume()
      socket.end(text)
      await once(socket, 'close')
    }
    expect(provider.requests()).toEqual([])
    expect((await ask(gateway, { body: question })).status).toBe(200)
  })
})
