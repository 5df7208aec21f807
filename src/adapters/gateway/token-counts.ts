import { z } from 'zod'
import type { TokenCount } from '../../domain/ports/model-provider.ts'

// As the database holds it.
const count = z.number().int().min(0).max(2_147_483_647)
const optionalCount = count.nullish().transform((value) => value ?? 0)

const responsesUsage = z.object({
  input_tokens: count,
  output_tokens: count,
  input_tokens_details: z.object({ cached_tokens: optionalCount, cache_write_tokens: optionalCount }).nullish(),
})

/** The `usage` of the Responses API; null for what is none. */
export const responsesTokens = (usage: unknown): TokenCount | null => {
  const { data } = responsesUsage.safeParse(usage)
  if (!data) return null
  return {
    inputTokens: data.input_tokens,
    cachedInputTokens: data.input_tokens_details?.cached_tokens ?? 0,
    cacheWriteInputTokens: data.input_tokens_details?.cache_write_tokens ?? 0,
    outputTokens: data.output_tokens,
  }
}

const chatUsage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: z.object({ cached_tokens: optionalCount }).nullish(),
})

/** The same of chat completions. */
export const chatTokens = (usage: unknown): TokenCount | null => {
  const { data } = chatUsage.safeParse(usage)
  if (!data) return null
  return {
    inputTokens: data.prompt_tokens,
    cachedInputTokens: data.prompt_tokens_details?.cached_tokens ?? 0,
    outputTokens: data.completion_tokens,
  }
}

const messagesUsage = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: optionalCount,
  cache_creation_input_tokens: optionalCount,
})

/** The same of the Messages API, which counts cached input apart. */
export const messagesTokens = (usage: unknown): TokenCount | null => {
  const { data } = messagesUsage.safeParse(usage)
  if (!data) return null
  const read = data.cache_read_input_tokens
  const written = data.cache_creation_input_tokens
  return {
    inputTokens: data.input_tokens + read + written,
    cachedInputTokens: read,
    cacheWriteInputTokens: written,
    outputTokens: data.output_tokens,
  }
}
