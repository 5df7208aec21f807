import OpenAI from 'openai'
import type { ModelRequest } from '../../domain/ports/model-provider.ts'
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
import { toAnswer } from './openai-answer.ts'
import { toResponsesRequest } from './openai-request.ts'
import type { ProviderOptions } from './provider-options.ts'
import { streamEvents } from './stream-events.ts'
import { watchedFetch } from './watched-fetch.ts'

/** Attempts at OpenAI's API by its own client library, and what its errors stand for. */
export function openAiTalk(options: ProviderOptions): ProviderTalk {
  const { apiKey } = options
  const client = new OpenAI({
    // Servers on one's own machine often need no key, the client library always does.
    apiKey: apiKey ?? 'none',
    baseURL: options.baseUrl ?? defaultModels.OPENAI.baseUrl,
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    // Ours ends a call first, so that every timeout is told in the same way.
    timeout: 2 * (options.limits?.callMs ?? defaultCallLimits.callMs),
    logLevel: 'off',
  })

  async function attempt(request: ModelRequest, signal: AbortSignal, onLife: () => void) {
    const watched = client.withOptions({ fetch: watchedFetch(onLife) })
    const stream = await watched.responses.create(toResponsesRequest(request), { signal })
    for await (const event of streamEvents(stream, (cause) => cause instanceof OpenAI.APIError)) {
      switch (event.type) {
        case 'response.output_text.delta':
        case 'response.refusal.delta':
          request.onText?.(event.delta)
          break
        case 'response.completed':
        case 'response.incomplete':
          return toAnswer(event.response, request)
        case 'response.failed':
          throw new OpenAI.APIError(
            undefined,
            event.response.error ?? undefined,
            event.response.error?.message ?? 'the response failed without a reason',
            undefined,
          )
      }
    }
    throw new BrokenStream('cut_stream', 'the stream ended before the answer was whole.')
  }

  function failureOf(cause: unknown): Failure | null {
    if (cause instanceof BrokenStream) return failureOfStream('OPENAI', apiKey, cause)
    if (cause instanceof OpenAI.APIConnectionError) return failureOfConnection('OPENAI', apiKey, cause)
    if (cause instanceof OpenAI.APIError) {
      const kinds = [cause.code, cause.type]
      const { status, headers } = cause
      // The SDK puts the status before the provider's words.
      const message = cause.message.replace(`${status} `, '')
      return failureOfComplaint('OPENAI', apiKey, { status, kinds, message, headers })
    }
    return cause instanceof OpenAI.OpenAIError ? failureOfRequest('OPENAI', apiKey, cause) : null
  }

  return { provider: 'OPENAI', attempt, failureOf }
}
