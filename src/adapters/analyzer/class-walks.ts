import { parseTokens } from './python-parse.ts'
import { tokenize } from './python-tokenizer.ts'

/** What comes before `__subclasses__` where somebody is on the way to every class there is, and not to their own. */
const fromEverywhere =
  /__(?:base|bases|mro)__|\.mro\s*\(|^\(*(?:object|type)\)*$|^[([{'"\d].*__class__|^(?:None|True|False|Ellipsis)\b/s
const mostFindings = 20
/** Of a chain of attributes, its end says what it is; the beginning may be megabytes. */
const longestChain = 2_000

/**
 * Offsets of walks from any object to every class of the interpreter, as in `().__class__.__base__.__subclasses__()`.
 * What such a walk picks cannot be told; honest code has no need of one.
 */
export function classWalks(text: string): readonly number[] {
  if (!text.includes('__subclasses__')) return []
  return parseTokens(tokenize(text))
    .root.findAll({ attributes: ['__subclasses__'] })
    .flatMap((name) => {
      const object = name.parent?.field('object')
      return object && fromEverywhere.test(object.text.slice(-longestChain)) ? [object.start] : []
    })
    .slice(0, mostFindings)
}
