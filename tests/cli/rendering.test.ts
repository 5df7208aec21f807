import { describe, expect, test } from 'vitest'
import { formatCost, formatDuration, plural } from '../../src/cli/render/amounts.ts'
import { renderDiff } from '../../src/cli/render/diff.ts'
import { createStyle, plainStyle } from '../../src/cli/render/style.ts'
import { renderTable } from '../../src/cli/render/table.ts'
import { truncate, widthOf, wrap } from '../../src/cli/render/width.ts'

const coloured = createStyle(true)

describe('width', () => {
  test('styles and combining marks take no room, wide characters take two columns', () => {
    expect(widthOf(coloured.bad('abc'))).toBe(3)
    expect(widthOf('e\u0301')).toBe(1)
    expect(widthOf('日本')).toBe(4)
    expect(widthOf('👍')).toBe(2)
  })

  test('a text that is too wide is cut to the width, and its style ends', () => {
    expect(truncate('abcdef', 4)).toBe('abc…')
    expect(truncate('日本語', 4)).toBe('日…')
    expect(truncate(coloured.bad('abcdef'), 4).endsWith('abc…\u001b[0m')).toBe(true)
    expect(truncate('abcd', 4)).toBe('abcd')
  })

  test('text is broken at words, and words that are too long are cut', () => {
    expect(wrap('one two three', 12, '  ')).toBe('  one two\n  three')
    for (const line of wrap(`a ${'x'.repeat(200)} b`, 40, '  ').split('\n'))
      expect(widthOf(line)).toBeLessThanOrEqual(40)
  })

  test('line breaks and indentation of the text stay', () => {
    expect(wrap('a\n\n  - b', 40)).toBe('a\n\n  - b')
  })
})

describe('diff', () => {
  const patch = [
    'diff --git a/q.sql b/q.sql',
    '--- a/q.sql',
    '+++ b/q.sql',
    '@@ -1,3 +1,3 @@',
    ' select 1',
    '--- a/comment that looks like a header',
    '+++ b/another',
    ' from t',
    '\\ No newline at end of file',
    '',
  ].join('\n')

  test('a removed line that reads like a header is shown as removed', () => {
    const lines = renderDiff(patch, coloured).split('\n')
    expect(lines[1]).toBe(coloured.strong('--- a/q.sql'))
    expect(lines[5]).toBe(coloured.bad('--- a/comment that looks like a header'))
    expect(lines[6]).toBe(coloured.good('+++ b/another'))
  })

  test('without colours the patch is shown as it is', () => {
    expect(renderDiff(patch, plainStyle)).toBe(patch.trimEnd())
  })

  test('a control sequence in a changed line does not reach the terminal', () => {
    expect(renderDiff('@@ -0,0 +1 @@\n+\u001b[2Jx\n', plainStyle)).toBe('@@ -0,0 +1 @@\n+<U+001B>[2Jx')
  })
})

test('a table is never wider than the terminal: the column that may shrink is cut', () => {
  const table = renderTable(
    [
      { title: 'path', shrinks: true },
      { title: 'n', align: 'right' },
    ],
    [['x'.repeat(100), '7']],
    40,
    '  ',
  )
  for (const line of table.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(40)
  expect(table).toMatch(/…\s+7$/)
})

test('amounts are said in words that fit their size', () => {
  expect([formatCost(null), formatCost(0), formatCost(0.00123), formatCost(1.5)]).toEqual([
    'price unknown',
    '$0',
    '$0.0012',
    '$1.50',
  ])
  expect([formatDuration(12), formatDuration(1_500), formatDuration(61_000)]).toEqual(['12 ms', '1.5 s', '1 min 01 s'])
  expect([plural(1, 'test'), plural(1_234, 'test')]).toEqual(['1 test', '1,234 tests'])
})
