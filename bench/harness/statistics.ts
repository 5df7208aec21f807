import type { Comparison, Goal } from './benchmark.ts'

/** The median and the quartiles. */
export interface Spread {
  readonly low: number
  readonly median: number
  readonly high: number
}

/** What the samples of a comparison say. */
export interface Verdict {
  readonly ours: Spread
  readonly reference: Spread
  /** What the goal is about: the ratio of the medians, their difference, or ours. */
  readonly value: number
  /** Where that lies in 95 of 100 draws of as many rounds from those that were taken. */
  readonly interval: readonly [low: number, high: number]
  /** Whether the edge of the interval that is worse for us reaches the goal; null without one. */
  readonly holds: boolean | null
}

const draws = 2_000

/** The value below which a share of the numbers lies, between two of them in proportion. @param share from 0 to 1 */
export const quantile = (numbers: readonly number[], share: number): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5)

export const spreadOf = (numbers: readonly number[]): Spread => ({
  low: quantile(numbers, 0.25),
  median: median(numbers),
  high: quantile(numbers, 0.75),
})

type Samples = Comparison['samples']

const figureOf = (samples: Samples, goal: Goal | null): number => {
  const ours = median(samples.ours)
  if (goal !== null && 'valueAtMost' in goal) return ours
  // The machine drifts from round to round: a difference is taken where both were.
  if (goal !== null && 'addsAtMost' in goal) {
    return median(samples.ours.map((sample, round) => sample - (samples.reference[round] ?? Number.NaN)))
  }
  return ours / median(samples.reference)
}

const reaches = (goal: Goal | null, [low, high]: readonly [number, number]): boolean | null => {
  if (goal === null) return null
  if ('atMost' in goal) return high <= goal.atMost
  if ('atLeast' in goal) return low >= goal.atLeast
  if ('addsAtMost' in goal) return high <= goal.addsAtMost
  return high <= goal.valueAtMost
}

/**
 * What the samples say, and how surely: rounds are drawn again from those that were taken, both samples of a round
 * together, so that a moment in which the machine was slow for both stays one moment.
 */
export const judge = (
  { samples, goal }: Pick<Comparison, 'samples' | 'goal'>,
  random: (below: number) => number,
): Verdict => {
  const rounds = samples.ours.length
  const values = Array.from({ length: draws }, () => {
    const drawn = Array.from({ length: rounds }, () => random(rounds))
    const of = (taken: readonly number[]) => drawn.map((round) => taken[round] ?? Number.NaN)
    return figureOf({ ours: of(samples.ours), reference: of(samples.reference) }, goal)
  })
  const interval = [quantile(values, 0.025), quantile(values, 0.975)] as const
  return {
    ours: spreadOf(samples.ours),
    reference: spreadOf(samples.reference),
    value: figureOf(samples, goal),
    interval,
    holds: reaches(goal, interval),
  }
}
