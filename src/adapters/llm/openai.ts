import type { ModelProvider } from '../../domain/ports/model-provider.ts'
import { guardedProvider } from './guarded-call.ts'
import type { ProviderOptions } from './provider-options.ts'
import { talkOnNeed } from './talk-on-need.ts'

/**
 * OpenAI's Responses API, or a server that speaks it. A retried call streams its text again from the start.
 */
export function createOpenAiProvider(options: ProviderOptions): ModelProvider {
  const talk = talkOnNeed('OPENAI', async () => (await import('./openai-talk.ts')).openAiTalk(options))
  return guardedProvider(talk, options)
}
