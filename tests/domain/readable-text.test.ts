import { expect, it } from 'vitest'
import { readableText } from '../../src/domain/shared/readable-text.ts'

it('text for a terminal becomes text that does nothing to one', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain\ttext\n', 'plain\ttext\n'],
    ['\u001b[1;31mred\u001b[0m', 'red'],
    ['\u001b]0;a title\u0007after\u001b]8;;http://x\u001b\\link', 'afterlink'],
    ['one\rtwo\r\nthree\r\r\n', 'one\ntwo\nthree\n'],
    ['a\u0000b\u0007c\u009bd\u202ee', 'abcde'],
    ['\u001b\u001b[2J[2J', '[2J'],
    ['half \ud800 pair', 'half \ufffd pair'],
    ['Zwölf Boxkämpfer 日本 👍', 'Zwölf Boxkämpfer 日本 👍'],
  ]
  for (const [given, readable] of cases) {
    expect(readableText(given)).toBe(readable)
    expect(readableText(readable)).toBe(readable)
  }
})
