import { describe, expect, it } from 'vitest'
import { createBoundedOutput } from '../../src/adapters/sandbox/bounded-output.ts'

const gathered = (limit: number, ...chunks: (string | Buffer)[]) => {
  const output = createBoundedOutput(limit)
  for (const chunk of chunks) output.add(Buffer.from(chunk))
  return output.text()
}

describe('bounded output', () => {
  it('is whole up to its limit', () => {
    expect(gathered(10, '12345', '67890')).toEqual({ text: '1234567890', truncated: false })
    expect(gathered(10)).toEqual({ text: '', truncated: false })
  })

  it('keeps head and tail, in whatever pieces they come', () => {
    const text = Array.from({ length: 100 }, (_, index) => String.fromCharCode(33 + (index % 90))).join('')
    const expected = { text: `${text.slice(0, 8)}\n[... 84 bytes left out ...]\n${text.slice(-8)}`, truncated: true }
    for (const size of [1, 3, 7, 8, 9, 50, 100]) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
      expect(gathered(16, ...pieces)).toEqual(expected)
    }
  })

  it('never cuts a character in half', () => {
    for (let limit = 4; limit < 40; limit++) {
      const { text, truncated } = gathered(limit, 'a😀é漢'.repeat(20))
      expect(truncated).toBe(true)
      expect(text).not.toContain('\uFFFD')
    }
  })

  it('replaces NUL and invalid bytes, and stays bounded though they grow', () => {
    expect(gathered(10, Buffer.from([97, 0, 0xff, 98])).text).toBe('a\uFFFD\uFFFDb')
    const { text, truncated } = gathered(1000, Buffer.alloc(1000, 0xff))
    expect(truncated).toBe(true)
    expect(Buffer.byteLength(text)).toBeLessThan(1100)
    expect(Buffer.byteLength(gathered(1000, Buffer.alloc(100_000)).text)).toBeLessThan(1200)
  })
})
