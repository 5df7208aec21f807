/**
 * Text from a server, a model, a test or a repository as a terminal may be given it: whatever a terminal would act
 * on, and whatever a reader would not see, is written out as its code point.
 */

const hidden = [
  // C0 but tab and line feed, DEL and C1: a terminal acts on them.
  '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f',
  // Bidirectional controls: they change the order in which the rest is shown.
  '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069',
  // Not seen at all, or a line break that is none.
  '\\u00ad\\u034f\\u115f\\u1160\\u180e\\u200b-\\u200d\\u2028\\u2029\\u2060-\\u2064\\u206a-\\u206f\\u3164\\ufeff\\uffa0',
  '\\u{e0000}-\\u{e0fff}',
].join('')

const unseen = new RegExp(`[${hidden}]`, 'gu')
const tabStop = 4

const codePoint = (character: string): string =>
  `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`

/** Several lines: line feeds stay, tabs become spaces. */
export const visibleBlock = (text: string): string =>
  text.toWellFormed().replaceAll('\r\n', '\n').replaceAll('\t', ' '.repeat(tabStop)).replace(unseen, codePoint)

/** One line: line breaks become spaces. */
export const visibleLine = (text: string): string =>
  visibleBlock(text)
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()

/**
 * A patch: a carriage return is part of what changes, so it is written out also before a line feed.
 */
export const visiblePatch = (text: string): string =>
  text.toWellFormed().replaceAll('\t', ' '.repeat(tabStop)).replace(unseen, codePoint)

// Inside JSON's strings only: JSON.stringify leaves them as they are, and a terminal acts on the first two rows.
const unescaped = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** The same JSON with nothing in it that a terminal acts on. */
export const terminalSafeJson = (json: string): string =>
  json.replace(unescaped, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** A value as one line of JSON with nothing in it that a terminal acts on. */
export const jsonLine = (value: unknown): string => terminalSafeJson(JSON.stringify(value))
