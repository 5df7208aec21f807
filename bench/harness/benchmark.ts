/** What a benchmark is, and what it gives: samples in pairs, taken in one run, in turns. */

export interface Benchmark {
  /** As after `--only`. */
  readonly name: string
  /** One sentence for a reader of docs/performance.md: what is compared with what. */
  readonly about: string
  measure(context: BenchContext): Promise<readonly Comparison[]>
}

export interface BenchContext {
  /** Sizes and rounds that only show that it works: a few seconds in all. Its figures mean nothing. */
  readonly isSmall: boolean
  /** How many rounds were asked for on the command line. */
  readonly rounds: number | undefined
  /** A number below `below`; the same ones for the same seed. */
  readonly random: (below: number) => number
  /** An empty folder on a disk, removed afterwards. */
  readonly directory: string
  /** What the benchmark is doing, for whoever waits. */
  readonly say: (line: string) => void
  /**
   * The URL of a database of the benchmark's own, removed afterwards: migrated, or with `false` empty. All of a run are
   * on one PostgreSQL, set as the product sets the one that it brings.
   */
  database(isMigrated?: boolean): Promise<string>
  /** The URL of the run's Redis; null where there is no redis-server on PATH. Keys are the benchmark's own by a prefix. */
  redis(): Promise<string | null>
}

/**
 * Of the ratio of ours to the reference (lower is better for times, higher for rates), of the difference in the
 * comparison's unit, or of ours by itself.
 */
export type Goal =
  | { readonly atMost: number }
  | { readonly atLeast: number }
  | { readonly addsAtMost: number }
  | { readonly valueAtMost: number }

export type Unit = 'ms' | 'CPU ms' | 'messages/s' | 'jobs/s' | 'sprints/min' | 'MiB'

export interface Comparison {
  /** What was done: `page of 50 diffs`. */
  readonly name: string
  /** What ours is compared with: `hand-written SQL behind node:http`. */
  readonly reference: string
  readonly unit: Unit
  /** One sample a round, in the order of the rounds: those of a round were taken right after each other. */
  readonly samples: { readonly ours: readonly number[]; readonly reference: readonly number[] }
  /** Null where it is only shown. */
  readonly goal: Goal | null
  /** What does not depend on the machine: statements, processes, calls, bytes. CI looks at these alone. */
  readonly counts?: Readonly<Record<string, number>>
  /** How many outputs were found equal before anything was timed: `compared` of `paired`. */
  readonly compared?: number
  /** What a reader must know to take the figure rightly: a sentence. */
  readonly note?: string
}
