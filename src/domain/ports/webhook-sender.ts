/** The port to the receivers of webhooks. */

/** One attempt to deliver one event. */
export interface WebhookDelivery {
  readonly url: string
  /** `whsec_` and the key in base64. */
  readonly secret: string
  /** The same at every attempt, so that a receiver knows what it has. */
  readonly id: string
  /** Of the attempt: a receiver refuses what is old. */
  readonly at: Date
  /** JSON. */
  readonly body: string
}

/**
 * What came of an attempt. GONE: the receiver wants nothing any more (410). The error says why in our own words: nothing
 * in it is the receiver's.
 */
export type WebhookAnswer =
  | { readonly kind: 'ACCEPTED' }
  | { readonly kind: 'GONE'; readonly error: string }
  | { readonly kind: 'FAILED'; readonly error: string }

export interface WebhookSender {
  /** Why nothing can be sent there, as words about the URL ("it has a fragment"); null when nothing speaks against it. */
  urlFault(url: string): string | null
  /** Signs and sends. Rejects only with the signal's reason, when that is aborted. */
  send(delivery: WebhookDelivery, signal: AbortSignal): Promise<WebhookAnswer>
}
