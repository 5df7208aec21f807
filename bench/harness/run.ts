import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTree } from '../../src/adapters/sandbox/remove-tree.ts'
import type { BenchContext, Benchmark } from './benchmark.ts'
import { randomNumbers } from './random.ts'
import { type Circumstances, type Result, resultOf } from './result.ts'
import type { Stores } from './stores.ts'

export interface RunOptions {
  readonly isSmall: boolean
  readonly rounds: number | undefined
  readonly seed: number
  readonly circumstances: Circumstances
  /** Where folders for the benchmarks are made. */
  readonly directory: string
  readonly stores: Stores
  readonly say: (line: string) => void
}

/** Runs one benchmark in a folder and on databases of its own, which are removed afterwards. */
export const runBenchmark = async (benchmark: Benchmark, options: RunOptions): Promise<Result> => {
  const directory = join(options.directory, benchmark.name)
  await mkdir(directory, { recursive: true })
  await using stack = new AsyncDisposableStack()
  // Checkouts are closed against writing: they are opened first.
  stack.defer(() => removeTree(directory))
  const context: BenchContext = {
    isSmall: options.isSmall,
    rounds: options.rounds,
    random: randomNumbers(options.seed),
    directory,
    say: (line) => options.say(`${benchmark.name}: ${line}`),
    database: async (isMigrated = true) => {
      const { url, drop } = await options.stores.database(isMigrated)
      stack.defer(drop)
      return url
    },
    redis: options.stores.redis,
  }
  return await resultOf(benchmark, context, options.circumstances)
}
