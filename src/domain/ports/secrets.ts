/** The port to what keeps secrets that must be read again: sealed, they may be stored. */

export interface Secrets {
  /** Gives text that may be stored; it opens for the same context alone. */
  seal(secret: string, context: string): string
  /** @throws UnreadableSecretError when it was sealed with another key or for another context, or was changed */
  open(sealed: string, context: string): string
}

/** What was sealed cannot be read here. The message says why and what to do, and nothing of the secret. */
export class UnreadableSecretError extends Error {
  override readonly name = 'UnreadableSecretError'
}
