import type { BenchContext, Comparison } from '../harness/benchmark.ts'
import { paired } from '../harness/paired.ts'
import { startProcess } from '../harness/process.ts'
import type { Analyzed } from './analyzer-process.ts'
import { hasBandit, runBandit } from './bandit.ts'
import { hasPython, libraryFiles, parseAll } from './python-library.ts'

// Bandit takes tens of seconds for the whole library.
const everyForBandit = 10
const everyInSmall = 300

/** The standard library of Python, analysed: beside its own parser, which looks for nothing, and beside Bandit. */
export const compareOnLibrary = async (context: BenchContext): Promise<readonly Comparison[]> => {
  if (!hasPython()) {
    context.say('there is no python3 here, and so no library to analyse')
    return []
  }
  const all = libraryFiles()
  const paths = context.isSmall ? all.filter((_, index) => index % everyInSmall === 0) : all
  await using analyzer = await startProcess<null>(new URL('analyzer-process.ts', import.meta.url), null)
  await analyzer.ask('read', paths)
  const analyze = async (every: number) => (await analyzer.ask<Analyzed>('analyze', every)).cpuMs
  const { uses } = await analyzer.ask<Analyzed>('analyze', 1)
  context.say(`${paths.length} files of the standard library`)
  const legal = (refused: readonly string[]) => paths.filter((path) => !refused.includes(path))
  const { refused } = parseAll(paths)
  const parser = await paired(context, {
    rounds: 9,
    warmUp: 2,
    arms: {
      // What Python takes must be read to its end here too.
      ours: {
        output: async () => {
          const ours = await analyzer.ask<readonly string[]>('refused')
          return legal([...refused, ...ours])
        },
        sample: () => analyze(1),
      },
      reference: { output: async () => legal(refused), sample: async () => parseAll(paths).cpuMs },
    },
  })
  const comparisons: Comparison[] = [
    {
      name: 'standard library of Python',
      reference: '`ast.parse`, which looks for nothing',
      unit: 'CPU ms',
      samples: parser.samples,
      goal: { atMost: 1 },
      counts: { files: paths.length, uses },
      compared: parser.compared,
    },
  ]
  if (!hasBandit()) {
    context.say('Bandit is not installed for python3, and is not compared with')
    return comparisons
  }
  const every = context.isSmall ? 1 : everyForBandit
  const some = paths.filter((_, index) => index % every === 0)
  context.say(`${some.length} of them with Bandit`)
  const bandit = await paired(context, {
    rounds: 3,
    warmUp: 0,
    arms: {
      ours: { output: async () => some.length, sample: () => analyze(every) },
      reference: { output: async () => runBandit(some).files, sample: async () => runBandit(some).cpuMs },
    },
  })
  comparisons.push({
    name: `each ${every}th file of the standard library of Python`,
    reference: 'Bandit, with its start',
    unit: 'CPU ms',
    samples: bandit.samples,
    goal: { atMost: 1 },
    counts: { files: some.length },
    compared: bandit.compared,
  })
  return comparisons
}
