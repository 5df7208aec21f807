/** Characters that a reader does not see, or that change the order in which the others are shown. */
const hidden: readonly { readonly pattern: string; readonly name: string; readonly code: HiddenCharacterCode }[] = [
  {
    pattern: '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069',
    name: 'a bidirectional control',
    code: 'BIDIRECTIONAL_CONTROL',
  },
  { pattern: '\\0-\\x08\\x0b\\x0e-\\x1f\\x7f-\\x9f', name: 'a control character', code: 'CONTROL_CHARACTER' },
  {
    pattern: '\\u00ad\\u034f\\u180e\\u200b-\\u200d\\u2060-\\u2064\\u206a-\\u206f\\ufeff',
    name: 'an invisible character',
    code: 'INVISIBLE_CHARACTER',
  },
  { pattern: '\\u115f\\u1160\\u3164\\uffa0', name: 'an invisible letter', code: 'INVISIBLE_CHARACTER' },
  { pattern: '\\u{e0000}-\\u{e0fff}', name: 'an invisible tag or variation', code: 'INVISIBLE_CHARACTER' },
  { pattern: '\\u2028\\u2029', name: 'a line separator', code: 'INVISIBLE_CHARACTER' },
]

type HiddenCharacterCode = 'BIDIRECTIONAL_CONTROL' | 'INVISIBLE_CHARACTER' | 'CONTROL_CHARACTER'

export interface HiddenCharacter {
  readonly code: HiddenCharacterCode
  /** For people, with the code point: `a bidirectional control (U+202E)`. */
  readonly name: string
  /** In UTF-16 units. */
  readonly offset: number
}

const any = new RegExp(`[${hidden.map(({ pattern }) => pattern).join('')}]`, 'u')
const each = hidden.map(({ pattern, name, code }) => ({ pattern: new RegExp(`[${pattern}]`, 'u'), name, code }))
/** A zero-width joiner between parts of one emoji is how that emoji is written. */
const joinedEmoji = /(\p{Extended_Pictographic}[\ufe0f\u{1f3fb}-\u{1f3ff}]?)\u200d(?=\p{Extended_Pictographic})/gu

/** The first hidden character at or after an offset; null when there is none. */
export function hiddenCharacter(text: string, from = 0): HiddenCharacter | null {
  const visible = text.slice(from).replace(joinedEmoji, '$1-')
  const found = any.exec(visible)
  if (found === null) return null
  const kind = each.find(({ pattern }) => pattern.test(found[0]))
  const point = found[0].codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
  return {
    code: kind?.code ?? 'INVISIBLE_CHARACTER',
    name: `${kind?.name ?? 'a hidden character'} (U+${point})`,
    offset: from + found.index,
  }
}
