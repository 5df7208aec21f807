import { deepStrictEqual } from 'node:assert/strict'
import type { BenchContext } from './benchmark.ts'
import { shuffled } from './random.ts'

/** One way to do the work. */
export interface Arm {
  /** What comes out of it: found equal to what the others give before anything is timed. */
  output(): Promise<unknown>
  /** Does the work once and gives the sample, in the comparison's unit: see `timed` and `cpuPerRequest`. */
  sample(round: number): Promise<number>
}

/**
 * An arm whose output and sample come of the same work. In small it is done once, for both.
 * @param work is given the round, and null where it is done for the output alone
 */
export const armOf = (
  { isSmall }: Pick<BenchContext, 'isSmall'>,
  work: (round: number | null) => Promise<{ readonly output: unknown; readonly sample: number }>,
): Arm => {
  let first: { readonly sample: number } | undefined
  return {
    async output() {
      const { output, sample } = await work(isSmall ? 0 : null)
      first = { sample }
      return output
    },
    sample: async (round) => (isSmall && first ? first : await work(round)).sample,
  }
}

export interface PairedOptions<Name extends string> {
  /** When the command line asks for no other number; a run in small takes one. */
  readonly rounds: number
  /** Rounds that are done before and not counted; a run in small has none. */
  readonly warmUp: number
  /** Ours and one reference, or several. */
  readonly arms: Readonly<Record<Name, Arm>>
  /** Before each sample, untimed: what the one before left to be written, for example. */
  readonly settle?: () => Promise<void> | void
}

export interface Paired<Name extends string> {
  readonly samples: Readonly<Record<Name, readonly number[]>>
  /** How many outputs were found equal to the first one's. */
  readonly compared: number
}

const roundsInSmall = 1

/**
 * Lets each of the arms do its work in turns, in an order drawn by lot in each round, so that what else the machine does
 * falls on all of them.
 * @throws AssertionError when their outputs differ
 */
export const paired = async <Name extends string>(
  context: Pick<BenchContext, 'isSmall' | 'rounds' | 'random'>,
  { arms, settle, ...options }: PairedOptions<Name>,
): Promise<Paired<Name>> => {
  const names = Object.keys(arms) as Name[]
  const [first, ...others] = names
  if (first === undefined) throw new Error('There is nothing to compare.')
  const expected = await arms[first].output()
  for (const name of others) {
    deepStrictEqual(await arms[name].output(), expected, `${name} and ${first} give different outputs.`)
  }
  const rounds = context.isSmall ? roundsInSmall : (context.rounds ?? options.rounds)
  const warmUp = context.isSmall ? 0 : options.warmUp
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of shuffled(names, context.random)) {
      await settle?.()
      const sample = await arms[name].sample(round)
      if (round >= 0) samples[name].push(sample)
    }
  }
  return { samples, compared: others.length }
}

/** How many milliseconds the work takes. */
export const timed = async (work: () => Promise<unknown> | unknown): Promise<number> => {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}
