import type { ModelProvider } from '../../domain/ports/model-provider.ts'
import { guardedProvider } from './guarded-call.ts'
import type { ProviderOptions } from './provider-options.ts'
import { talkOnNeed } from './talk-on-need.ts'

/**
 * Anthropic's Messages API, or a server that speaks it. A retried call streams its text again from the start.
 */
export function createAnthropicProvider(options: ProviderOptions): ModelProvider {
  const talk = talkOnNeed('ANTHROPIC', async () => (await import('./anthropic-talk.ts')).anthropicTalk(options))
  return guardedProvider(talk, options)
}
