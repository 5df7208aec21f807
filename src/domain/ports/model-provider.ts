/**
 * The port to a large language model: one streaming call, with tools and structured answers.
 * Conversations are kept in this neutral form; each adapter translates to its wire format.
 */

export const providers = ['OPENAI', 'ANTHROPIC'] as const
export type Provider = (typeof providers)[number]

export interface ToolDefinition {
  readonly name: string
  readonly description: string
  /** A JSON schema of type object, `additionalProperties: false`. */
  readonly parameters: Readonly<Record<string, unknown>>
}

export interface ToolUse {
  /** The provider's id for the call, which its result must name. */
  readonly id: string
  readonly name: string
  /** As the model wrote them: text that should be JSON, and may not be. */
  readonly argumentsText: string
}

export interface ToolOutcome {
  readonly toolUseId: string
  readonly text: string
  readonly isError: boolean
}

export type ConversationMessage =
  | { readonly role: 'user'; readonly text: string }
  | {
      readonly role: 'assistant'
      readonly text: string
      readonly toolUses: readonly ToolUse[]
      /**
       * The provider's own output items of this turn, sent back as they came to the same provider
       * (they carry what neutral text cannot: reasoning items, thinking blocks with signatures).
       */
      readonly native?: { readonly provider: Provider; readonly items: unknown }
    }
  | { readonly role: 'tool'; readonly outcomes: readonly ToolOutcome[] }

export interface ModelRequest {
  readonly model: string
  /** Stable text first: providers cache the longest unchanged prefix. */
  readonly system: string
  readonly messages: readonly ConversationMessage[]
  readonly tools: readonly ToolDefinition[]
  /** Asks for an answer that matches a JSON schema; `answer.text` is then that JSON. */
  readonly structured?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> }
  readonly maxOutputTokens: number
  readonly signal: AbortSignal
  /** Called with each piece of visible text as it is written. */
  readonly onText?: (text: string) => void
  /**
   * Awaited before an attempt is made again whose forerunner broke off and may be charged for, so that its price can
   * be set aside anew. What it throws ends the call.
   */
  readonly onLostAttempt?: () => Promise<void>
}

export interface TokenCount {
  /** All input tokens, cached ones included. */
  readonly inputTokens: number
  readonly cachedInputTokens: number
  /** Of the input tokens, those that were written to the provider's cache, which cost more. */
  readonly cacheWriteInputTokens?: number
  readonly outputTokens: number
}

/** Why the model stopped: finished, wants tools, ran into the output limit, or refused. */
export type StopReason = 'END' | 'TOOLS' | 'LENGTH' | 'REFUSAL'

export interface ModelAnswer {
  readonly text: string
  readonly toolUses: readonly ToolUse[]
  readonly stop: StopReason
  readonly usage: TokenCount
  /** The model that answered, as the provider names it. */
  readonly model: string
  /** The provider's whole answer as it came. */
  readonly raw: unknown
  /** What to put into the conversation as the assistant's turn. */
  readonly turn: Extract<ConversationMessage, { role: 'assistant' }>
}

export interface ModelProvider {
  readonly provider: Provider
  /** True when the built-in offline stand-in plays this provider. */
  readonly rehearsal: boolean
  /** The model used when none is named. */
  readonly defaultModel: string
  /**
   * Makes one call, with its own retries of what is worth retrying (408, 409, 429, 5xx, cut streams).
   * @throws ProviderError when the provider did not give a whole answer
   * @throws the signal's reason when it was aborted
   */
  complete(request: ModelRequest): Promise<ModelAnswer>
  /** What kept the last call of this process from an answer, where every other call will meet it; null when nothing. */
  trouble?(): string | null
}

/** What the provider said when it did not answer. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly provider: Provider
  /**
   * A stable word: unauthorized, rate_limited, overloaded, server_error, bad_request, context_length_exceeded,
   * cut_stream, malformed_answer, unreachable, timeout, circuit_open.
   */
  readonly code: string
  readonly retryable: boolean
  readonly status: number | undefined
  /** True when the provider may charge for the last attempt although it gave no whole answer. */
  readonly mayHaveCost: boolean

  constructor(
    provider: Provider,
    code: string,
    message: string,
    options: { retryable: boolean; mayHaveCost?: boolean; status?: number | undefined; cause?: unknown },
  ) {
    super(message, { cause: options.cause })
    this.provider = provider
    this.code = code
    this.retryable = options.retryable
    this.status = options.status
    this.mayHaveCost = options.mayHaveCost ?? options.status === undefined
  }
}
