import { expect, it } from 'vitest'
import { idealMs, type Stage } from '../../bench/concurrent/ideal-schedule.ts'

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
  expect(idealMs([], slots)).toBe(0)
})
