/** How wide text is on a terminal, in columns. Styles may be in it; other escape sequences may not. */

const escapeCharacter = '\u001b'
const styles = new RegExp(`(${escapeCharacter}\\[[0-9;]*m)`, 'g')
const zeroWidth = /\p{Mark}|[\ufe00-\ufe0f]/u
const doubleWidth =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u

const widthOfCharacter = (character: string): number => {
  if (character <= '~') return 1
  if (zeroWidth.test(character)) return 0
  return doubleWidth.test(character) ? 2 : 1
}

export const widthOf = (text: string): number => {
  let width = 0
  for (const character of text.replace(styles, '')) width += widthOfCharacter(character)
  return width
}

/** At most so wide, with `…` where something was left out. */
export const truncate = (text: string, columns: number): string => {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  let isStyled = false
  // A style takes no room and must not be cut in two.
  for (const part of text.split(styles)) {
    if (part.startsWith(escapeCharacter)) {
      kept += part
      isStyled = true
      continue
    }
    for (const character of part) {
      const next = widthOfCharacter(character)
      if (width + next > columns - 1) return `${kept}…${isStyled ? `${escapeCharacter}[0m` : ''}`
      kept += character
      width += next
    }
  }
  return kept
}

export const padEnd = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - widthOf(text)))
export const padStart = (text: string, columns: number): string =>
  ' '.repeat(Math.max(0, columns - widthOf(text))) + text

/** Breaks unstyled text into lines no wider than `columns`; words that are wider are cut. */
export const wrap = (text: string, columns: number, indent = ''): string => {
  const room = Math.max(10, columns - indent.length)
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, room))
    .map((line) => (line === '' ? '' : indent + line))
    .join('\n')
}

const wrapLine = (line: string, room: number): readonly string[] => {
  const own = /^\s*/.exec(line)?.[0].slice(0, Math.floor(room / 2)) ?? ''
  const lines: string[] = []
  let current = own
  for (const word of line.trim().split(/\s+/)) {
    for (const piece of pieces(word, room - own.length)) {
      const separator = current === own ? '' : ' '
      if (current !== own && widthOf(current) + separator.length + widthOf(piece) > room) {
        lines.push(current)
        current = own + piece
      } else current += separator + piece
    }
  }
  lines.push(current.trimEnd())
  return lines
}

const pieces = (word: string, room: number): readonly string[] => {
  if (widthOf(word) <= room) return [word]
  const found: string[] = ['']
  for (const character of word) {
    const last = found.at(-1) ?? ''
    if (widthOf(last) + widthOf(character) > room) found.push(character)
    else found[found.length - 1] = last + character
  }
  return found
}
