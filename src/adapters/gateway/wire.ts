import type { Refusal } from '../../domain/ports/model-gateway.ts'
import type { Provider, TokenCount } from '../../domain/ports/model-provider.ts'

/** What the gateway itself says no to. */
export type Fault = Refusal | 'INVALID' | 'MODEL' | 'TOO_LARGE' | 'NOT_FOUND' | 'UNREACHABLE'

/** A request that may be sent, as it will be sent. */
export interface AllowedRequest {
  readonly model: string
  readonly maxOutputTokens: number
  readonly isStreamed: boolean
  readonly body: Readonly<Record<string, unknown>>
  /** Whether a test that did not ask for it would be sent this event of the stream. */
  readonly isHidden?: (event: unknown) => boolean
}

/** A request as the gateway understood it, or why it is not sent. */
export type Reading = AllowedRequest | { readonly fault: string }

/** Reads the usage out of a stream. */
export interface StreamReader {
  add(event: unknown): void
  /** Null until the answer is whole. */
  usage(): TokenCount | null
}

/** An error as a provider would send it. */
export interface ErrorBody {
  readonly error: Readonly<Record<string, unknown>>
}

/** One kind of request that a test may make. */
export interface WireFormat {
  readonly provider: Provider
  /** Where a test finds it. */
  readonly path: string
  /** Appended to the provider's base URL. */
  readonly upstreamPath: string
  read(body: Readonly<Record<string, unknown>>): Reading
  /** Of an answer that came in one piece; null when it does not say. */
  usageOf(answer: unknown): TokenCount | null
  openStream(): StreamReader
  /** The server's own credentials, and what of the test's headers the provider needs. */
  headers(key: string | null, header: (name: string) => string | undefined): Readonly<Record<string, string>>
  error(fault: Fault, message: string): { readonly status: number; readonly body: ErrorBody }
}

/** Where a provider is, and the key that tests never see. */
export interface Target {
  readonly baseUrl: string
  readonly apiKey: string | null
  /** Those of its models that a test may choose among. */
  readonly models: { readonly names: readonly string[]; offers(model: string): boolean }
}
