import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Fault } from '../../src/adapters/rehearsal/fault.ts'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { ProviderError, providers } from '../../src/domain/ports/model-provider.ts'
import { providerOn, request } from './support.ts'

const retry = { attempts: 2, baseDelayMs: 1 }
const dead: Fault = { kind: 'status', status: 500 }

let fault: Fault | undefined
let now: number
let rehearsal: Rehearsal
beforeEach(async () => {
  fault = undefined
  now = Date.parse('2026-01-01T00:00:00Z')
  rehearsal = await startRehearsal({ intercept: () => fault })
})
afterEach(() => rehearsal.close())

const breaker = { failures: 3, pauseMs: 30_000, clock: () => now }
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error: unknown) => {
      if (error instanceof ProviderError) return error.code
      throw error
    },
  )

describe.each(providers)('%s', (name) => {
  const open = () => {
    const provider = providerOn(name, rehearsal, { retry, breaker })
    const call = () => codeOf(provider.complete(request({})))
    const fail = async (times: number) => {
      for (let count = 0; count < times; count++) await call()
    }
    return { provider, call, fail }
  }

  test('three calls in a row that fail open the circuit: then nothing is sent, at once, and it says until when', async () => {
    const { provider, call, fail } = open()
    fault = dead
    await fail(3)
    const sent = rehearsal.calls().length
    expect(sent).toBe(6)
    const error = await provider.complete(request({})).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'circuit_open', retryable: true, mayHaveCost: false, provider: name })
    expect((error as Error).message).toMatch(
      /failed 3 times in a row, so this call was not sent\. It is tried again at 2026-01-01T00:00:30\.000Z\. .*500/,
    )
    expect(await Promise.all([call(), call(), call()])).toEqual(Array(3).fill('circuit_open'))
    expect(rehearsal.calls()).toHaveLength(sent)
  })

  test('after the pause one call alone tries; when it is answered all go through again', async () => {
    const { call, fail } = open()
    fault = dead
    await fail(3)
    now += 30_000
    fault = undefined
    const before = rehearsal.calls().length
    const [first, ...others] = await Promise.all([call(), call(), call()])
    expect(first).toBe('answered')
    expect(others).toEqual(['circuit_open', 'circuit_open'])
    expect(rehearsal.calls()).toHaveLength(before + 1)
    expect(await Promise.all([call(), call()])).toEqual(['answered', 'answered'])
  })

  test('a trial that fails closes it for another pause, and one that is aborted leaves the trial to the next call', async () => {
    const { provider, call, fail } = open()
    fault = dead
    await fail(3)
    now += 30_000
    expect(await call()).toBe('server_error')
    expect(await call()).toBe('circuit_open')
    now += 30_000
    fault = { kind: 'hang' }
    const stop = new AbortController()
    const before = rehearsal.calls().length
    const trial = provider.complete(request({ signal: stop.signal }))
    await expect.poll(() => rehearsal.calls().length).toBe(before + 1)
    stop.abort(new Error('canceled'))
    await expect(trial).rejects.toThrow('canceled')
    fault = undefined
    expect(await call()).toBe('answered')
  })

  test.each([400, 401, 404, 409, 429])('%s is the answer of a provider that lives', async (status) => {
    const { call, fail } = open()
    fault = { kind: 'status', status, retryAfter: '0' }
    await fail(5)
    fault = undefined
    expect(await call()).toBe('answered')
  })

  test('aborts, and calls that run into their own limit, say nothing of the provider', async () => {
    const provider = providerOn(name, rehearsal, { retry, breaker, limits: { callMs: 60 } })
    fault = { kind: 'hang' }
    for (let count = 0; count < 2; count++) expect(await codeOf(provider.complete(request({})))).toBe('timeout')
    for (let count = 0; count < 3; count++) {
      await expect(provider.complete(request({ signal: AbortSignal.abort(new Error('enough')) }))).rejects.toThrow()
    }
    expect(await codeOf(provider.complete(request({})))).toBe('timeout')
    fault = undefined
    expect(await codeOf(provider.complete(request({})))).toBe('answered')
  })

  test('one answer between failures counts from the start', async () => {
    const { call, fail } = open()
    fault = dead
    await fail(2)
    fault = undefined
    expect(await call()).toBe('answered')
    fault = dead
    await fail(2)
    expect(await call()).toBe('server_error')
    expect(await call()).toBe('circuit_open')
  })
})

test('a dead provider leaves the other one alone', async () => {
  const openai = providerOn('OPENAI', rehearsal, { retry, breaker, baseUrl: 'http://127.0.0.1:1/v1' })
  const anthropic = providerOn('ANTHROPIC', rehearsal, { retry, breaker })
  for (let count = 0; count < 3; count++) expect(await codeOf(openai.complete(request({})))).toBe('unreachable')
  expect(await codeOf(openai.complete(request({})))).toBe('circuit_open')
  expect(await codeOf(anthropic.complete(request({})))).toBe('answered')
})
