import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { retryAfterOf } from '../../src/adapters/llm/failure.ts'
import type { RetryNotice } from '../../src/adapters/llm/retry.ts'
import type { Fault } from '../../src/adapters/rehearsal/fault.ts'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { ProviderError, providers } from '../../src/domain/ports/model-provider.ts'
import { agentTools, providerOn, request, secret } from './support.ts'

let rehearsal: Rehearsal | undefined
afterEach(async () => {
  await rehearsal?.close()
  rehearsal = undefined
})

/** A rehearsal whose calls meet these faults in turn, the last one ever after. */
async function withFaults(...faults: (Fault | undefined)[]): Promise<Rehearsal> {
  const left = [...faults]
  rehearsal = await startRehearsal({ intercept: () => (left.length > 1 ? left.shift() : left[0]) })
  return rehearsal
}

async function failureOf(promise: Promise<unknown>): Promise<ProviderError> {
  const error = await promise.then(
    () => new Error('the call succeeded'),
    (cause: unknown) => cause,
  )
  if (!(error instanceof ProviderError)) throw error
  return error
}

const passing: readonly (readonly [string, Fault, string])[] = [
  ['408', { kind: 'status', status: 408 }, 'timeout'],
  ['409', { kind: 'status', status: 409 }, 'server_error'],
  ['429', { kind: 'status', status: 429, retryAfter: '0' }, 'rate_limited'],
  ['500', { kind: 'status', status: 500 }, 'server_error'],
  ['502', { kind: 'status', status: 502 }, 'server_error'],
  ['503', { kind: 'status', status: 503 }, 'overloaded'],
  ['504', { kind: 'status', status: 504 }, 'server_error'],
  ['529', { kind: 'status', status: 529 }, 'overloaded'],
  ['a stream that is cut', { kind: 'cut' }, 'cut_stream'],
  ['a stream that ends too soon', { kind: 'cut', end: 'close' }, 'cut_stream'],
  ['a malformed event', { kind: 'malformed' }, 'malformed_answer'],
  ['an error inside the stream', { kind: 'error-event', type: 'server_error', message: 'Sorry.' }, 'server_error'],
]

const lasting: readonly (readonly [string, Fault, string])[] = [
  ['400', { kind: 'status', status: 400 }, 'bad_request'],
  ['401', { kind: 'status', status: 401, message: `Incorrect API key provided: ${secret}.` }, 'unauthorized'],
  ['403', { kind: 'status', status: 403 }, 'unauthorized'],
  ['404', { kind: 'status', status: 404 }, 'bad_request'],
  [
    'a conversation that is too long for the model',
    { kind: 'status', status: 400, message: 'prompt is too long: 210000 tokens > 200000 maximum' },
    'context_length_exceeded',
  ],
  [
    'an input that leaves no room for the answer',
    {
      kind: 'status',
      status: 400,
      message: 'input length and `max_tokens` exceed context limit: 199000 + 8000 > 200000',
    },
    'context_length_exceeded',
  ],
  [
    'a conversation that is found too long when the answer has begun',
    { kind: 'error-event', type: 'context_length_exceeded', message: 'Your input is too much.' },
    'context_length_exceeded',
  ],
]

describe.each(providers)('%s', (name) => {
  test.each(passing)('%s is tried again and passes', async (_what, fault, code) => {
    const server = await withFaults(fault, fault, undefined)
    const notices: RetryNotice[] = []
    const answer = await providerOn(name, server, { log: (notice) => notices.push(notice) }).complete(
      request({ tools: agentTools }),
    )
    expect(answer.stop).toBe('TOOLS')
    expect(server.calls()).toHaveLength(3)
    expect(notices.map((notice) => [notice.code, notice.attempt])).toEqual([
      [code, 1],
      [code, 2],
    ])
  })

  test.each(passing)('%s that does not pass is a ProviderError after the last attempt', async (_what, fault, code) => {
    const server = await withFaults(fault)
    const error = await failureOf(providerOn(name, server).complete(request({ tools: agentTools })))
    expect(error).toMatchObject({ code, retryable: true, provider: name })
    expect(server.calls()).toHaveLength(4)
  })

  test.each(lasting)('%s is not tried again and never shows the key', async (_what, fault, code) => {
    const server = await withFaults(fault)
    const error = await failureOf(providerOn(name, server).complete(request({})))
    expect(error).toMatchObject({ code, retryable: false })
    expect(server.calls()).toHaveLength(1)
    expect(`${error.message} ${JSON.stringify(error)} ${error.stack} ${error.cause}`).not.toContain(secret)
  })

  test('waits double, each with a jitter of its own', async () => {
    const server = await withFaults({ kind: 'status', status: 500 })
    const waits = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const notices: RetryNotice[] = []
        const retry = { attempts: 3, baseDelayMs: 8 }
        await failureOf(
          providerOn(name, server, { retry, log: (notice) => notices.push(notice) }).complete(request({})),
        )
        return notices.map((notice) => notice.waitMs)
      }),
    )
    for (const [first = 0, second = 0] of waits) {
      expect(first).toBeGreaterThanOrEqual(4)
      expect(first).toBeLessThanOrEqual(8)
      expect(second).toBeGreaterThanOrEqual(8)
      expect(second).toBeLessThanOrEqual(16)
    }
    expect(new Set(waits.map(String)).size).toBeGreaterThan(1)
  })

  test('the wait that retry-after asks for is kept', async () => {
    const server = await withFaults({ kind: 'status', status: 429, retryAfter: '0.3' }, undefined)
    const notices: RetryNotice[] = []
    const before = performance.now()
    await providerOn(name, server, { log: (notice) => notices.push(notice) }).complete(request({}))
    expect(notices.map((notice) => notice.waitMs)).toEqual([300])
    expect(performance.now() - before).toBeGreaterThanOrEqual(295)
  })

  test('a wait longer than we would wait fails at once, says how long it is, and may be tried again', async () => {
    const server = await withFaults({ kind: 'status', status: 429, retryAfter: '300' }, undefined)
    const notices: RetryNotice[] = []
    const error = await failureOf(
      providerOn(name, server, { log: (notice) => notices.push(notice) }).complete(request({})),
    )
    expect(error).toMatchObject({ code: 'rate_limited', status: 429, retryable: true })
    expect(error.message).toContain('It asks to wait 300 seconds')
    expect(notices).toEqual([])
    expect(server.calls()).toHaveLength(1)
  })

  test('an abort ends a call that hangs, with its own reason', async () => {
    const server = await withFaults({ kind: 'hang' })
    const controller = new AbortController()
    const reason = new Error('the sprint was canceled')
    const call = providerOn(name, server).complete(request({ signal: controller.signal }))
    await expect.poll(() => server.calls().length).toBe(1)
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    expect(server.calls()).toHaveLength(1)
  })

  test('an abort ends the wait before a retry at once', async () => {
    const server = await withFaults({ kind: 'status', status: 429, retryAfter: '60' })
    const controller = new AbortController()
    const reason = new Error('the phase ran out of time')
    const log = () => controller.abort(reason)
    const before = performance.now()
    await expect(providerOn(name, server, { log }).complete(request({ signal: controller.signal }))).rejects.toBe(
      reason,
    )
    expect(performance.now() - before).toBeLessThan(5_000)
  })

  test('an abort in the middle of the text ends the call', async () => {
    rehearsal = await startRehearsal({ wordDelayMs: 20 })
    const controller = new AbortController()
    const reason = new Error('enough')
    const call = providerOn(name, rehearsal).complete(
      request({ signal: controller.signal, tools: agentTools, onText: () => controller.abort(reason) }),
    )
    await expect(call).rejects.toBe(reason)
  })

  test('a call that is aborted before it begins is not made', async () => {
    const server = await withFaults(undefined)
    const reason = new Error('too late')
    await expect(providerOn(name, server).complete(request({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    expect(server.calls()).toEqual([])
  })

  test('a provider that takes the call and says nothing ends it as a timeout, without a second attempt', async () => {
    const server = await withFaults({ kind: 'hang' })
    const error = await failureOf(providerOn(name, server, { limits: { silenceMs: 100 } }).complete(request({})))
    expect(error).toMatchObject({ code: 'timeout', retryable: true, mayHaveCost: true })
    expect(error.message).toContain('sent nothing for 100 ms')
    expect(server.calls()).toHaveLength(1)
  })

  test('a stream that goes silent is a cut stream, and is tried again', async () => {
    const server = await withFaults({ kind: 'cut', end: 'hang' }, undefined)
    const notices: RetryNotice[] = []
    const answer = await providerOn(name, server, {
      limits: { silenceMs: 150 },
      log: (notice) => notices.push(notice),
    }).complete(request({ tools: agentTools }))
    expect(answer.stop).toBe('TOOLS')
    expect(notices.map(({ code }) => code)).toEqual(['cut_stream'])
  })

  test('a slow stream that goes on talking is let finish, however little it says at a time', async () => {
    rehearsal = await startRehearsal({ wordDelayMs: 60 })
    const started = performance.now()
    const answer = await providerOn(name, rehearsal, { limits: { silenceMs: 600 } }).complete(
      request({ tools: agentTools }),
    )
    expect(answer.stop).toBe('TOOLS')
    expect(performance.now() - started).toBeGreaterThan(600)
  })

  test('an attempt that broke off is told of before the next one, and one that was refused is not', async () => {
    const lost: number[] = []
    const server = await withFaults({ kind: 'cut' }, { kind: 'status', status: 500 }, { kind: 'cut' }, undefined)
    const onLostAttempt = async () => {
      lost.push(server.calls().length)
    }
    await providerOn(name, server).complete(request({ tools: agentTools, onLostAttempt }))
    expect(lost).toEqual([1, 3])
  })

  test('what is thrown where a lost attempt is told of ends the call', async () => {
    const server = await withFaults({ kind: 'cut' })
    const spent = new Error('the budget is spent')
    const onLostAttempt = () => Promise.reject(spent)
    await expect(providerOn(name, server).complete(request({ onLostAttempt }))).rejects.toBe(spent)
    expect(server.calls()).toHaveLength(1)
  })

  test('the limit of a call covers its retries and the waits between them', async () => {
    const server = await withFaults({ kind: 'status', status: 429, retryAfter: '60' })
    const started = performance.now()
    const error = await failureOf(providerOn(name, server, { limits: { callMs: 200 } }).complete(request({})))
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(error).toMatchObject({ code: 'rate_limited', status: 429 })
    expect(server.calls()).toHaveLength(1)
  })

  test('a call that takes longer than its limit ends as a timeout and is not paid for again', async () => {
    const server = await withFaults({ kind: 'hang' })
    const error = await failureOf(providerOn(name, server, { limits: { callMs: 100 } }).complete(request({})))
    expect(error).toMatchObject({ code: 'timeout', status: undefined, mayHaveCost: true })
    expect(server.calls()).toHaveLength(1)
  })

  test('a provider that cannot be reached is named as unreachable', async () => {
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const address = closed.address()
    const port = typeof address === 'object' ? address?.port : undefined
    closed.close()
    await once(closed, 'close')
    const server = await withFaults(undefined)
    const provider = providerOn(name, server, { baseUrl: `http://127.0.0.1:${port}/v1` })
    const error = await failureOf(provider.complete(request({})))
    expect(error).toMatchObject({ code: 'unreachable', retryable: true, mayHaveCost: false })
    expect(error.message).toContain('ECONNREFUSED')
  })

  test('an empty purse is not tried again although it is a 429', async () => {
    const type = name === 'OPENAI' ? 'insufficient_quota' : 'billing_error'
    const server = await withFaults({ kind: 'error-event', type, message: 'Pay first.' })
    const error = await failureOf(providerOn(name, server).complete(request({})))
    expect(error.retryable).toBe(false)
    expect(server.calls()).toHaveLength(1)
  })
})

test('retry-after is read as seconds or as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const read = (value: string) => retryAfterOf(new Headers({ 'retry-after': value }), now)
  expect(read('7')).toBe(7_000)
  expect(read('3600')).toBe(3_600_000)
  expect(read('9'.repeat(400))).toBeNull()
  expect(read('Thu, 01 Jan 2026 00:00:09 GMT')).toBe(9_000)
  expect(read('Wed, 31 Dec 2025 00:00:00 GMT')).toBe(0)
  expect(read('soon')).toBeNull()
  expect(retryAfterOf(new Headers({ 'retry-after-ms': '250', 'retry-after': '9' }), now)).toBe(250)
})
