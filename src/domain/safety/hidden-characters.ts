/** Characters that a reader does not see, or that change the order in which the others are shown. */
const hidden: readonly { readonly pattern: string; readonly name: string; readonly code: HiddenCharacterCode }[] = [
  {
    pattern: '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069',
    name: 'a bidirectional control',
    code: 'BIDIRECTIONAL_CONTROL',
  },
  { pattern: '\\0-\\x08\\x0b\\x0e-\\x1f\\x7f-\\x9f', name: 'a control character', code: 'CONTROL_CHARACTER' },
  {
    pattern: '\\u00ad\\u034f\\u200b-\\u200d\\u2060-\\u2065\\u206a-\\u206f\\ufeff\\ufff0-\\ufffb',
    name: 'an invisible character',
    code: 'INVISIBLE_CHARACTER',
  },
  {
    pattern: '\\u{110bd}\\u{110cd}\\u{13430}-\\u{1345f}\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}',
    name: 'an invisible format character',
    code: 'INVISIBLE_CHARACTER',
  },
  {
    pattern: '\\u115f\\u1160\\u17b4\\u17b5\\u2800\\u3164\\uffa0\\u{1d159}',
    name: 'an invisible letter or sign',
    code: 'INVISIBLE_CHARACTER',
  },
  {
    pattern: '\\u180b-\\u180f\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}',
    name: 'a variation selector that varies nothing',
    code: 'INVISIBLE_CHARACTER',
  },
  {
    pattern: '\\u{e0000}-\\u{e00ff}\\u{e01f0}-\\u{e0fff}',
    name: 'an invisible tag',
    code: 'INVISIBLE_CHARACTER',
  },
  { pattern: '\\u2028\\u2029', name: 'a line separator', code: 'INVISIBLE_CHARACTER' },
]

const joiningScripts = [
  ...['Arabic', 'Syriac', 'Mongolian', 'Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu'],
  ...['Kannada', 'Malayalam', 'Sinhala', 'Khmer', 'Myanmar'],
]
const anything = /^/u

/** Where such a character is how the text before it is written. */
const customary: readonly { readonly character: RegExp; readonly before: RegExp; readonly after: RegExp }[] = [
  // Emoji of several parts, and letters in scripts that join them.
  {
    character: /\u200d/u,
    before: /\p{Extended_Pictographic}[\ufe0f\u{1f3fb}-\u{1f3ff}]?$/u,
    after: /^\p{Extended_Pictographic}/u,
  },
  {
    character: /[\u200c\u200d]/u,
    before: new RegExp(`[${joiningScripts.map((script) => `\\p{Script=${script}}`).join('')}]$`, 'u'),
    after: anything,
  },
  { character: /[\ufe0e\ufe0f]/u, before: /\p{Emoji}$/u, after: anything },
  { character: /[\ufe00-\ufe02]/u, before: /[\p{Script=Han}\p{Sm}\p{Po}\p{Script=Myanmar}]$/u, after: anything },
  { character: /[\u{e0100}-\u{e01ef}]/u, before: /\p{Script=Han}$/u, after: anything },
  { character: /[\u180b-\u180f]/u, before: /\p{Script=Mongolian}$/u, after: anything },
]
/** England, Scotland and Wales: the flags that are written with tags. */
const flag =
  /^\u{1f3f4}\u{e0067}\u{e0062}(?:\u{e0065}\u{e006e}\u{e0067}|\u{e0073}\u{e0063}\u{e0074}|\u{e0077}\u{e006c}\u{e0073})\u{e007f}/u
const flagLength = 14

type HiddenCharacterCode = 'BIDIRECTIONAL_CONTROL' | 'INVISIBLE_CHARACTER' | 'CONTROL_CHARACTER'

export interface HiddenCharacter {
  readonly code: HiddenCharacterCode
  /** For people, with the code point: `a bidirectional control (U+202E)`. */
  readonly name: string
  /** In UTF-16 units. */
  readonly offset: number
}

const anyPattern = `[${hidden.map(({ pattern }) => pattern).join('')}]`
const each = hidden.map(({ pattern, name, code }) => ({ pattern: new RegExp(`[${pattern}]`, 'u'), name, code }))

/** The first hidden character at or after an offset; null when there is none. */
export function hiddenCharacter(text: string, from = 0): HiddenCharacter | null {
  const any = new RegExp(anyPattern, 'gu')
  any.lastIndex = from
  for (let found = any.exec(text); found !== null; found = any.exec(text)) {
    const [character] = found
    if (isCustomary(text, character, found.index)) continue
    const kind = each.find(({ pattern }) => pattern.test(character))
    const point = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
    return {
      code: kind?.code ?? 'INVISIBLE_CHARACTER',
      name: `${kind?.name ?? 'a hidden character'} (U+${point})`,
      offset: found.index,
    }
  }
  return null
}

function isCustomary(text: string, character: string, offset: number): boolean {
  const before = text.slice(Math.max(0, offset - 4), offset)
  const after = text.slice(offset + character.length, offset + character.length + 4)
  const fits = customary.some(
    (custom) => custom.character.test(character) && custom.before.test(before) && custom.after.test(after),
  )
  return fits || isInFlag(text, character, offset)
}

function isInFlag(text: string, character: string, offset: number): boolean {
  if (character < '\u{e0000}' || character.length < 2) return false
  const start = text.lastIndexOf('\u{1f3f4}', offset)
  return start !== -1 && offset - start < flagLength && flag.test(text.slice(start, start + flagLength))
}
