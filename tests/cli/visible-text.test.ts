import { expect, test } from 'vitest'
import { jsonLine, visibleBlock, visibleLine, visiblePatch } from '../../src/cli/render/visible-text.ts'

const attacks: readonly (readonly [name: string, text: string])[] = [
  ['a colour', '\u001b[31mred\u001b[0m'],
  ['a window title', '\u001b]0;owned\u0007'],
  ['a clipboard write', '\u001b]52;c;cm0gLXJm\u0007'],
  ['an eight-bit control sequence introducer', '\u009b2J'],
  ['a carriage return that overwrites the line', 'harmless\rrm -rf'],
  ['backspaces', 'abc\b\b\bxyz'],
  ['a right-to-left override', 'user\u202etxt.exe'],
  ['a zero-width space', 'ad\u200bmin'],
  ['a tag character', 'a\u{e0041}b'],
  ['a line separator', 'a\u2028b'],
]

test.each(attacks)('%s is written out, in a line, a block and a patch', (_name, text) => {
  for (const shown of [visibleLine(text), visibleBlock(text), visiblePatch(text)]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u{e0000}-\u{e0fff}]/u)
    expect(shown).toMatch(/<U\+[0-9A-F]{4,5}>/)
  }
})

test('text without anything hidden stays as it is', () => {
  expect(visibleBlock('naïve 日本語 👍\n  second line')).toBe('naïve 日本語 👍\n  second line')
})

test('a line has no line break, a block keeps its own', () => {
  expect(visibleLine(' one\r\n  two\n')).toBe('one two')
  expect(visibleBlock('one\r\ntwo\n')).toBe('one\ntwo\n')
})

test('a patch shows a carriage return before a line feed, since it may be all that changes', () => {
  expect(visiblePatch('-a\r\n+a\n')).toBe('-a<U+000D>\n+a\n')
})

test('a lone surrogate does not reach the terminal', () => {
  expect(visibleLine('a\ud800b')).toBe('a\ufffdb')
})

test.each(attacks)('%s is escaped in a line of JSON and comes back unharmed', (_name, text) => {
  const line = jsonLine({ type: 'x', text })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
  expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u200b\u2028]/)
  expect(JSON.parse(line)).toEqual({ type: 'x', text })
})
