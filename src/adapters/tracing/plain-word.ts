import { createHash } from 'node:crypto'
import type { Redact } from '../../domain/shared/redact-secrets.ts'

/** As models, tools, their uses and errors are called: no form in which sentences, code or lines are written. */
const form = /^[\w.:/@+-]{1,128}$/
const hashCharacters = 16

/**
 * A name that somebody else chose, a provider, a model, a test or a library: as it is where it has the form of a name.
 * Anything else is a hash, by which it can still be told from others.
 */
export const plainWord = (word: string, redact: Redact): string => {
  const safe = redact(word)
  if (form.test(safe)) return safe
  return `sha256:${createHash('sha256').update(safe).digest('hex').slice(0, hashCharacters)}`
}
