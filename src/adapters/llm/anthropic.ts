import Anthropic from '@anthropic-ai/sdk'
import type { ModelProvider, ModelRequest } from '../../domain/ports/model-provider.ts'
import { createMessageCollector } from './anthropic-answer.ts'
import { toMessagesRequest } from './anthropic-request.ts'
import { defaultModels } from './default-models.ts'
import {
  BrokenStream,
  type Failure,
  failureOfComplaint,
  failureOfConnection,
  failureOfRequest,
  failureOfStream,
} from './failure.ts'
import type { ProviderOptions } from './provider-options.ts'
import { callWithRetries } from './retry.ts'
import { streamEvents } from './stream-events.ts'

/**
 * Anthropic's Messages API, or a server that speaks it. A retried call streams its text again from the start.
 */
export function createAnthropicProvider(options: ProviderOptions): ModelProvider {
  const { apiKey, timeoutMs = 120_000 } = options
  const client = new Anthropic({
    // Servers on one's own machine often need no key, the client library always does.
    apiKey: apiKey ?? 'none',
    baseURL: options.baseUrl ?? defaultModels.ANTHROPIC.baseUrl,
    webhookKey: null,
    maxRetries: 0,
    // Ours ends a call first, so that every timeout is told in the same way.
    timeout: timeoutMs + 60_000,
    logLevel: 'off',
    openTelemetry: { propagation: false },
  })

  async function completeOnce(request: ModelRequest, signal: AbortSignal) {
    const stream = await client.messages.create(toMessagesRequest(request), { signal })
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

  return {
    provider: 'ANTHROPIC',
    rehearsal: options.rehearsal,
    defaultModel: options.defaultModel,
    complete: (request) =>
      callWithRetries((signal) => completeOnce(request, signal), {
        provider: 'ANTHROPIC',
        signal: request.signal,
        timeoutMs,
        retry: options.retry ?? {},
        failureOf,
        onRetry: options.log,
      }),
  }
}
