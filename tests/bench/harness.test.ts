import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Comparison } from '../../bench/harness/benchmark.ts'
import { type Arm, paired } from '../../bench/harness/paired.ts'
import { performancePage } from '../../bench/harness/performance-page.ts'
import { seededRandom } from '../../bench/harness/random.ts'
import { judge, quantile } from '../../bench/harness/statistics.ts'

const context = (rounds: number) => ({ isSmall: false, rounds, random: seededRandom(7) })

const armOf = (done: string[], name: string, output = 'the same'): Arm => ({
  output: async () => output,
  sample: async () => done.push(name),
})

it('lets both sides do their work in each round, in an order drawn by lot', async () => {
  const done: string[] = []
  const arms = { ours: armOf(done, 'ours'), reference: armOf(done, 'reference') }
  const { samples, compared } = await paired(context(40), { rounds: 5, warmUp: 2, arms })
  expect(done).toHaveLength(2 * (2 + 40))
  const first = done.filter((_, index) => index % 2 === 0)
  for (const [index, name] of first.entries()) expect(done[2 * index + 1]).not.toBe(name)
  expect(new Set(first)).toEqual(new Set(['ours', 'reference']))
  expect([samples.ours.length, samples.reference.length, compared]).toEqual([40, 40, 1])
})

it('times nothing where the outputs differ', async () => {
  const done: string[] = []
  const arms = { ours: armOf(done, 'ours'), reference: armOf(done, 'reference', 'another') }
  await expect(paired(context(3), { rounds: 3, warmUp: 0, arms })).rejects.toThrow('different outputs')
  expect(done).toEqual([])
})

it('takes a quantile between two numbers in proportion', () => {
  expect([0, 0.25, 0.5, 1].map((share) => quantile([4, 1, 3, 2], share))).toEqual([1, 1.75, 2.5, 4])
})

const compare = (ours: readonly number[], reference: readonly number[], goal: Comparison['goal']) =>
  judge({ samples: { ours, reference }, goal }, seededRandom(1))

it('says that a goal holds when the worse edge of the interval reaches it', () => {
  const even = Array.from({ length: 30 }, (_, round) => 10 + (round % 3))
  expect(compare(even, even, { atMost: 1.2 })).toMatchObject({ value: 1, holds: true })
  const restless = even.map((sample, round) => (round % 2 === 0 ? sample : sample * 3))
  const { value, interval, holds } = compare(restless, even, { atMost: 2 })
  expect(value).toBeLessThan(2)
  expect(interval[1]).toBeGreaterThan(2)
  expect(holds).toBe(false)
  expect(compare(even, even, { atLeast: 1.5 }).holds).toBe(false)
  expect(compare(even, even, null).holds).toBe(null)
})

it('takes a difference within each round, and what is absolute from ours alone', () => {
  const reference = Array.from({ length: 20 }, (_, round) => 100 * (1 + (round % 4)))
  const ours = reference.map((sample) => sample + 9)
  expect(compare(ours, reference, { addsAtMost: 10 })).toMatchObject({ value: 9, interval: [9, 9], holds: true })
  expect(compare(ours, reference, { valueAtMost: 50 }).holds).toBe(false)
})

it('has written the page from the results that are kept', () => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  const page = read('docs/performance.md')
  expect(page).toBe(performancePage(page, JSON.parse(read('bench/results.json'))))
})
