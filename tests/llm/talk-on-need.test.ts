import { expect, it } from 'vitest'
import { guardedProvider, type ProviderTalk } from '../../src/adapters/llm/guarded-call.ts'
import type { ProviderOptions } from '../../src/adapters/llm/provider-options.ts'
import { talkOnNeed } from '../../src/adapters/llm/talk-on-need.ts'
import type { ModelAnswer } from '../../src/domain/ports/model-provider.ts'
import { request, secret } from './support.ts'

const options: ProviderOptions = {
  apiKey: secret,
  defaultModel: 'a-model',
  rehearsal: false,
  retry: { attempts: 3, baseDelayMs: 1 },
}
const answer = { text: 'It is there.' } as ModelAnswer
const talk: ProviderTalk = { provider: 'OPENAI', attempt: async () => answer, failureOf: () => null }

it('nothing is loaded before the first call, and it is loaded once', async () => {
  let loads = 0
  const load = async () => {
    loads += 1
    return talk
  }
  const provider = guardedProvider(talkOnNeed('OPENAI', load), options)
  expect(loads).toBe(0)
  expect(await provider.complete(request({}))).toBe(answer)
  await provider.complete(request({}))
  expect(loads).toBe(1)
})

it('a library that cannot be opened just now is loaded by the next attempt', async () => {
  let loads = 0
  const load = async () => {
    loads += 1
    if (loads === 1) throw new Error('EMFILE: too many open files')
    return talk
  }
  expect(await guardedProvider(talkOnNeed('OPENAI', load), options).complete(request({}))).toBe(answer)
})

it('a library that is not there is named, and that nothing was spent', async () => {
  const load = async () => {
    throw new Error("Cannot find package 'openai'")
  }
  const called = guardedProvider(talkOnNeed('OPENAI', load), options).complete(request({}))
  await expect(called).rejects.toMatchObject({
    name: 'ProviderError',
    code: 'unreachable',
    mayHaveCost: false,
    message: expect.stringMatching(
      /^The call to OpenAI could not be made: .*not loaded: Cannot find package 'openai'$/,
    ),
  })
})
