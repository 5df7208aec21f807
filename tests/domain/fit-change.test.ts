import { describe, expect, it, vi } from 'vitest'
import { fitChange, fitText } from '../../src/domain/run/fit-change.ts'
import { sizeOfText } from '../../src/domain/run/fit-context.ts'

const hunk = (at: number, lines: number, text = 'a line') =>
  `@@ -${at},0 +${at},${lines} @@\n${`+${text}\n`.repeat(lines)}`
const file = (path: string, ...hunks: string[]) =>
  `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n${hunks.join('')}`

describe('a patch that there is not room for', () => {
  it('keeps small files whole, and of a large one the first hunks, and says so', () => {
    const small = file('small.py', hunk(1, 2))
    const large = file('large.py', hunk(1, 50), hunk(500, 3_000, 'second'), hunk(9_000, 3_000, 'third'))
    const { text, leftOut } = fitChange(`${large}${small}`, 8_000)
    expect(sizeOfText(text)).toBeLessThanOrEqual(8_000)
    expect(leftOut).toBe('of 2 changed files, 1 are shown whole, 1 in part and 0 not at all: large.py')
    expect(text.startsWith(`[This is not the whole change: ${leftOut}]\n`)).toBe(true)
    expect(text).toContain(small)
    expect(text).toContain(hunk(1, 50))
    expect(text).toContain('+second')
    expect(text).not.toContain('third')
    expect(text).toMatch(/\n\+second\n\[\d+ more lines of this file left out\]\ndiff --git a\/small\.py/)
  })

  it('of very many files shows the first, each with something of its change', () => {
    const patch = Array.from({ length: 5_000 }, (_, index) => file(`f${index}.py`, hunk(1, 20))).join('')
    const { text, leftOut } = fitChange(patch, 20_000)
    expect(sizeOfText(text)).toBeLessThanOrEqual(20_000)
    const shown = text.match(/^diff --git/gm)?.length ?? 0
    expect(shown).toBeGreaterThan(20)
    expect(leftOut).toContain(`and ${5_000 - shown} not at all: `)
    expect(leftOut).toMatch(/and \d+ more$/)
  })

  it('is bounded whatever is in it: one endless line, escapes, broken characters, no file at all', () => {
    const lines = ['x'.repeat(1_000_000), '\u0001"\\'.repeat(200_000), '\u{1f600}\ud800'.repeat(200_000)]
    for (const line of lines) {
      for (const patch of [
        file('min.js', hunk(1, 1, line)),
        line,
        `What I did.\n\n${file('min.js', hunk(1, 1, line))}`,
      ]) {
        for (const room of [3_000, 50_000]) {
          const { text, leftOut } = fitChange(patch, room)
          expect(sizeOfText(text)).toBeLessThanOrEqual(room)
          expect(sizeOfText(text)).toBeGreaterThan(room / 3)
          expect(leftOut).not.toBeNull()
          expect(text.isWellFormed()).toBe(true)
        }
      }
    }
  })

  it('is measured in a time that grows with it, however many hunks it has', () => {
    const patch = file('many.py', ...Array.from({ length: 10_000 }, (_, index) => hunk(index, 1)))
    const measured = vi.spyOn(JSON, 'stringify')
    try {
      const { text, leftOut } = fitChange(patch, 200_000)
      expect(leftOut).toContain('many.py')
      expect(sizeOfText(text)).toBeGreaterThan(190_000)
      const characters = measured.mock.calls.reduce((sum, [given]) => sum + String(given).length, 0)
      expect(characters).toBeLessThan(10 * patch.length)
    } finally {
      measured.mockRestore()
    }
  })

  it('is told apart from lines of its files that look like its own', () => {
    const forged = file('a.py', hunk(1, 1, 'x\rdiff --git a/b.py b/b.py'), hunk(2, 3_000))
    expect(fitChange(forged, 5_000).leftOut).toBe(
      'of 1 changed files, 0 are shown whole, 1 in part and 0 not at all: a.py',
    )
  })
})

it('what there is room for is not touched', () => {
  const patch = file('a.py', hunk(1, 10))
  expect(fitChange(patch, sizeOfText(patch))).toEqual({ text: patch, leftOut: null })
  expect(fitText('whole', 5)).toEqual({ text: 'whole', leftOut: null })
})
