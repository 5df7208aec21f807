import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { benchmarks } from '../../bench/benchmarks.ts'
import type { Comparison } from '../../bench/harness/benchmark.ts'
import { mergedResults } from '../../bench/harness/merged-results.ts'
import { type Arm, paired } from '../../bench/harness/paired.ts'
import { performancePage } from '../../bench/harness/performance-page.ts'
import { randomNumbers } from '../../bench/harness/random.ts'
import type { Result } from '../../bench/harness/result.ts'
import { judge, quantile } from '../../bench/harness/statistics.ts'

const context = (rounds: number) => ({ isSmall: false, rounds, random: randomNumbers(7) })

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
  judge({ samples: { ours, reference }, goal }, randomNumbers(1))

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
  expect(page).toBe(performancePage(page, JSON.parse(read('bench/results.json')), Object.keys(benchmarks)))
})

const resultOf = (name: string, date: string, git = '2.39'): Result => ({
  name,
  about: `What ${name} is about.`,
  date,
  seconds: 3,
  machine: { processor: 'a processor', cores: 2, memoryGib: 8, system: 'Linux' },
  versions: { git },
  rows: [
    {
      name: 'work',
      comparedWith: 'the same by hand',
      unit: 'ms',
      rounds: 9,
      goal: { atMost: 1 },
      verdict: compare([2, 2], [1, 1], { atMost: 1 }),
      counts: {},
      compared: 1,
      note: null,
    },
  ],
})

it('keeps the results of the benchmarks that were not run, and of those that had nothing to compare', () => {
  const kept = [resultOf('one', '2026-01-01'), resultOf('two', '2026-01-01'), resultOf('gone', '2026-01-01')]
  const fresh = [{ ...resultOf('one', '2026-02-02'), rows: [] }, resultOf('two', '2026-02-02')]
  const merged = mergedResults(kept, fresh, ['three', 'two', 'one'])
  expect(merged.map(({ name, date }) => [name, date])).toEqual([
    ['two', '2026-02-02'],
    ['one', '2026-01-01'],
  ])
})

it('says what was not measured, and of each result where it was taken unless all were taken alike', () => {
  const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
  const pageOf = (...results: readonly Result[]) => performancePage(page, results, ['one', 'two', 'three'])
  const alike = pageOf(resultOf('one', '2026-01-01'), resultOf('two', '2026-02-02'))
  expect(alike).toContain('0 of 2 goals hold.')
  expect(alike).toContain('Not measured yet: three.')
  expect(alike.match(/a processor, 2 cores, 8 GiB, Linux, with git 2\.39\./g)).toHaveLength(1)
  const other = pageOf(resultOf('one', '2026-01-01'), resultOf('two', '2026-02-02', '2.47'))
  expect(other).toContain('2026-01-01, 9 rounds, 3 s, on a processor, 2 cores, 8 GiB, Linux; git 2.39.')
  expect(other).toContain('2026-02-02, 9 rounds, 3 s, on a processor, 2 cores, 8 GiB, Linux; git 2.47.')
  expect(pageOf()).toContain('Nothing was measured yet.')
})
