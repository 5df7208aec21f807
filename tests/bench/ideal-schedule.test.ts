import { expect, it } from 'vitest'
import { idealMs, leastMs, type Stage } from '../../bench/concurrent/ideal-schedule.ts'

const candidate = { place: 'candidates', ms: 10 } as const
const verdict = { place: 'phases', ms: 5 } as const
const test = { place: 'tests', ms: 3 } as const
const slots = { candidates: 4, phases: 2, tests: 2 }
const sprints = (count: number, stages: readonly Stage[]) => Array.from({ length: count }, () => stages)

it('one sprint alone takes as long as the longest of each stage, one after the other', () => {
  expect(idealMs(sprints(1, [[candidate, { ...candidate, ms: 20 }], [], [test, test], [verdict]]), slots)).toBe(28)
})

it('what there is no slot for waits for one', () => {
  const stages = [[candidate, candidate]]
  expect(idealMs(sprints(2, stages), slots)).toBe(10)
  expect(idealMs(sprints(3, stages), slots)).toBe(20)
  expect(idealMs(sprints(50, stages), slots)).toBe(250)
})

it('who has more left to do goes first where that is shorter', () => {
  const short = Array.from({ length: 2 }, (): Stage[] => [[verdict]])
  const long: Stage[] = [[verdict], [verdict], [verdict]]
  // Two places: the long one at once, the short ones beside it.
  expect(idealMs([...short, long], { ...slots, phases: 2 })).toBe(15)
})

it('no sprint takes no time', () => {
  expect([idealMs([], slots), leastMs([], slots)]).toEqual([0, 0])
})

it('is never below what no schedule comes below', () => {
  const stages = [[test], [candidate, candidate], [verdict]]
  // Ten sprints: five by five tests before anybody has candidates, twenty of these on four slots, and a last verdict.
  expect(leastMs(sprints(10, stages), slots)).toBe(3 + 50 + 5)
  // One alone is its longest of each stage; of two that are not alike the longer one counts.
  expect(leastMs(sprints(1, stages), slots)).toBe(18)
  expect(leastMs([stages, [[test]]], slots)).toBe(18)
  for (const count of [1, 2, 3, 7, 10, 50]) {
    expect(idealMs(sprints(count, stages), slots)).toBeGreaterThanOrEqual(leastMs(sprints(count, stages), slots))
  }
})
