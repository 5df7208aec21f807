import type { Provider, TokenCount } from './model-provider.ts'

/** The port to the metered way by which a test reaches models. */

/** A call that a test wants to make, as far as it decides what the call may cost. */
export interface GatewayCall {
  readonly provider: Provider
  readonly model: string
  /** The size of the request as it will be sent. */
  readonly inputBytes: number
  readonly maxOutputTokens: number
  /** SHA-256 of the request as it will be sent. */
  readonly requestHash: string
}

/** Why a call is not made. LIMIT: of this test. BUDGET: of the project, or of what the test belongs to. */
export type Refusal = 'LIMIT' | 'BUDGET' | 'NOT_CONFIGURED' | 'ENDED'

export type Admission = { readonly callId: string } | { readonly refusal: Refusal; readonly message: string }

/** FAILED: nothing was bought. LOST: nobody knows, so what was reserved counts as spent. */
export type CallOutcome =
  | { readonly status: 'ANSWERED'; readonly usage: TokenCount }
  | { readonly status: 'FAILED' | 'LOST'; readonly reason: string }

/** Where a test's calls are entered: before each is sent, and when its outcome is known. */
export interface CallBook {
  admit(call: GatewayCall): Promise<Admission>
  settle(callId: string, outcome: CallOutcome): Promise<void>
  /** Something was kept from the test that its result should tell. */
  note(message: string): void
}

/** A port of the command's own loopback that leads to a socket of the server, and nowhere else. */
export interface LoopbackDoor {
  readonly port: number
  /** The absolute path of a Unix socket. */
  readonly socket: string
}

/** A gateway for one test. To dispose of it ends its calls, and returns when their outcome is entered. */
export interface OpenGateway extends AsyncDisposable {
  /** Where the test finds it, as `http://host:port`, with a secret path where others could reach it too. */
  readonly origin: string
  /** Null where the test shares the server's network. */
  readonly door: LoopbackDoor | null
}

export interface ModelGateway {
  /** @param isolated whether the test has a network of its own, so that it needs a door */
  open(book: CallBook, isolated: boolean): Promise<OpenGateway>
}
