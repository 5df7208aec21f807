import type { BenchContext, Benchmark, Comparison, Goal, Unit } from './benchmark.ts'
import type { Machine } from './machine.ts'
import { judge, type Verdict } from './statistics.ts'

/** A comparison as it is shown and kept: what its samples say. */
export interface Row {
  readonly name: string
  readonly comparedWith: string
  readonly unit: Unit
  readonly rounds: number
  readonly goal: Goal | null
  readonly verdict: Verdict
  readonly counts: Readonly<Record<string, number>>
  /** How many outputs were found equal before anything was timed. */
  readonly compared: number
  readonly note: string | null
}

/** Where and with what a run is made. */
export interface Circumstances {
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
}

/** What a benchmark gave, with what a reader needs to take it rightly. */
export interface Result extends Circumstances {
  readonly name: string
  readonly about: string
  /** The day, as `2026-01-31`. */
  readonly date: string
  readonly seconds: number
  readonly rows: readonly Row[]
}

const rowOf = (comparison: Comparison, random: (below: number) => number): Row => ({
  name: comparison.name,
  comparedWith: comparison.reference,
  unit: comparison.unit,
  rounds: comparison.samples.ours.length,
  goal: comparison.goal,
  verdict: judge(comparison, random),
  counts: comparison.counts ?? {},
  compared: comparison.compared ?? 0,
  note: comparison.note ?? null,
})

/** Runs one benchmark. @throws whatever it throws */
export const resultOf = async (
  benchmark: Benchmark,
  context: BenchContext,
  circumstances: Circumstances,
): Promise<Result> => {
  const begun = performance.now()
  const comparisons = await benchmark.measure(context)
  return {
    name: benchmark.name,
    about: benchmark.about,
    date: new Date().toISOString().slice(0, 10),
    seconds: Math.round((performance.now() - begun) / 1e3),
    ...circumstances,
    rows: comparisons.map((comparison) => rowOf(comparison, context.random)),
  }
}
