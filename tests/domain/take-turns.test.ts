import { expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { takeTurns } from '../../src/domain/shared/take-turns.ts'

const line = (project: string, first: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: String(first + index), project }))

const projects = (chosen: readonly { readonly project: string }[]): string =>
  chosen.map(({ project }) => project).join('')

it('projects take turns, whoever came first and however much they want', () => {
  const waiting = [...line('a', 1, 1_000), ...line('b', 5_000, 2), ...line('c', 9_000, 1)]
  expect(projects(takeTurns(waiting, new Map(), 7))).toBe('abcabaa')
  expect(projects(takeTurns(waiting, new Map([['a', 5]]), 4))).toBe('bcba')
  expect(takeTurns(waiting, new Map(), 0)).toEqual([])
  expect(takeTurns([], new Map(), 5)).toEqual([])
})

it('whatever waits: as many are chosen as there is room for, in order within a project, and nobody with more is preferred', () => {
  const below = randomNumbers(7)
  for (let round = 0; round < 300; round++) {
    const names = ['a', 'b', 'c', 'd'].slice(0, 1 + below(4))
    const waiting = Array.from({ length: below(40) }, () => ({
      id: String(below(1e9)),
      project: names[below(names.length)] ?? '',
    }))
    const underWay = new Map(names.filter(() => below(2) === 0).map((name) => [name, below(6)]))
    const room = below(50)
    const chosen = takeTurns(waiting, underWay, room)
    expect(chosen).toHaveLength(Math.min(room, waiting.length))
    expect(new Set(chosen).size).toBe(chosen.length)
    const loads = new Map(underWay)
    for (const [index, { id, project }] of chosen.entries()) {
      const left = waiting.filter((entry) => !chosen.slice(0, index).includes(entry))
      const least = Math.min(...left.map((entry) => loads.get(entry.project) ?? 0))
      expect(loads.get(project) ?? 0).toBe(least)
      const older = left.filter((entry) => entry.project === project && Number(entry.id) < Number(id))
      expect(older).toEqual([])
      loads.set(project, (loads.get(project) ?? 0) + 1)
    }
  }
})
