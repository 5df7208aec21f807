import type { Redact } from '../domain/shared/redact-secrets.ts'

const maxMessageCharacters = 1_000
const maxStackCharacters = 4_000

/** Secrets are taken out before anything is cut: half of one is found by nobody. */
const shortened = (text: string, redact: Redact, characters: number): string =>
  redact(text).slice(0, characters).toWellFormed()

/**
 * A failure as its queue may keep it for a day and show it to people: its words, without secrets and no longer than they
 * are read. All of it is the cause, which the log alone has.
 */
export const keptFailure = (error: unknown, redact: Redact): Error => {
  const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error))
  const kept = new Error(shortened(message, redact, maxMessageCharacters), { cause: error })
  kept.name = name
  kept.stack = shortened(stack, redact, maxStackCharacters)
  return kept
}
