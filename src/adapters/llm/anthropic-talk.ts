import Anthropic from '@anthropic-ai/sdk'
import type { ModelRequest } from '../../domain/ports/model-provider.ts'
import { createMessageCollector } from './anthropic-answer.ts'
import { toMessagesRequest } from './anthropic-request.ts'
import { defaultCallLimits } from './call-limits.ts'
import { defaultModels } from './default-models.ts'
import {
  BrokenStream,
  type Failure,
  failureOfComplaint,
  failureOfConnection,
  failureOfRequest,
  failureOfStream,
} from './failure.ts'
import type { ProviderTalk } from './guarded-call.ts'
import type { ProviderOptions } from './provider-options.ts'
import { streamEvents } from './stream-events.ts'
import { watchedFetch } from './watched-fetch.ts'

/** Attempts at Anthropic's API by its own client library, and what its errors stand for. */
export function anthropicTalk(options: ProviderOptions): ProviderTalk {
  const { apiKey } = options
  const client = new Anthropic({
    // Servers on one's own machine often need no key, the client library always does.
    apiKey: apiKey ?? 'none',
    baseURL: options.baseUrl ?? defaultModels.ANTHROPIC.baseUrl,
    webhookKey: null,
    maxRetries: 0,
    // Ours ends a call first, so that every timeout is told in the same way.
    timeout: 2 * (options.limits?.callMs ?? defaultCallLimits.callMs),
    logLevel: 'off',
    openTelemetry: { propagation: false },
  })

  async function attempt(request: ModelRequest, signal: AbortSignal, onLife: () => void) {
    const watched = client.withOptions({ fetch: watchedFetch(onLife) })
    const stream = await watched.messages.create(toMessagesRequest(request), { signal })
    const message = createMessageCollector()
    for await (const event of streamEvents(stream, (cause) => cause instanceof Anthropic.APIError)) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') request.onText?.(event.delta.text)
      message.add(event)
    }
    if (!message.complete) throw new BrokenStream('cut_stream', 'the stream ended before the answer was whole.')
    return message.answer(request)
  }

  function failureOf(cause: unknown): Failure | null {
    if (cause instanceof BrokenStream) return failureOfStream('ANTHROPIC', apiKey, cause)
    if (cause instanceof Anthropic.APIConnectionError) return failureOfConnection('ANTHROPIC', apiKey, cause)
    if (cause instanceof Anthropic.APIError) {
      const kinds = [cause.errorCode, cause.type]
      const { status, headers } = cause
      return failureOfComplaint('ANTHROPIC', apiKey, {
        status,
        kinds,
        message: cause.apiMessage ?? cause.message,
        headers,
      })
    }
    return cause instanceof Anthropic.AnthropicError ? failureOfRequest('ANTHROPIC', apiKey, cause) : null
  }

  return { provider: 'ANTHROPIC', attempt, failureOf }
}
