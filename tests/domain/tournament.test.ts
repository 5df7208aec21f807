import { describe, expect, it } from 'vitest'
import { type Pair, playTournament } from '../../src/domain/run/tournament.ts'

/** Compares by a number each; level within a distance, and worth as much as it is. */
const byWorth = (apart = 0) => {
  const pairs: Pair<number>[] = []
  const compare = async (round: readonly Pair<number>[]) => {
    pairs.push(...round)
    return round.map(([a, b]) => ({
      agreed: Math.abs(a - b) <= apart ? null : Math.max(a, b),
      means: [a, b] as const,
    }))
  }
  return { pairs, compare }
}
const shuffled = (count: number, seed: number) =>
  Array.from({ length: count }, (_, index) => index).sort(
    (a, b) => Math.sin(seed + a * 12.9898) - Math.sin(seed + b * 12.9898),
  ) as [number, ...number[]]

describe('a tournament', () => {
  it('finds the best of any number from any order, in a number of comparisons that grows with it', async () => {
    for (let count = 1; count <= 40; count++) {
      for (const apart of [0, 100]) {
        const { pairs, compare } = byWorth(apart)
        expect(await playTournament(shuffled(count, count), compare)).toBe(count - 1)
        expect(pairs).toHaveLength(count <= 4 ? (count * (count - 1)) / 2 : count - 4 + 6)
        expect(pairs.every(([a, b]) => a !== b)).toBe(true)
        expect(new Set(pairs.map((pair) => [...pair].sort().join())).size).toBeLessThanOrEqual(pairs.length)
        expect(new Set(pairs.flat()).size).toBe(count === 1 ? 0 : count)
      }
    }
  })

  it('of those who are worth the same takes the one that was named first', async () => {
    const level = async (round: readonly Pair<string>[]) => round.map(() => ({ agreed: null, means: [1, 1] as const }))
    const names = ['first', ...Array.from({ length: 8 }, (_, index) => `other ${index}`)] as [string, ...string[]]
    expect(await playTournament(names, level)).toBe('first')
  })

  it('counts wins before worth among the last four', async () => {
    const compare = async (round: readonly Pair<string>[]) =>
      round.map(([a, b]) => ({
        agreed: a === 'wins' || b === 'wins' ? 'wins' : null,
        means: [a === 'dear' ? 1 : 0.1, b === 'dear' ? 1 : 0.1] as const,
      }))
    expect(await playTournament(['dear', 'plain', 'wins', 'other'], compare)).toBe('wins')
  })
})
