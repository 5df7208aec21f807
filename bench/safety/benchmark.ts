import type { Benchmark } from '../harness/benchmark.ts'
import { compareOnLibrary } from './library.ts'
import { compareReports } from './report.ts'

export const benchmark: Benchmark = {
  name: 'safety',
  about:
    'The analysis of the standard library of Python, on one core, beside its own parser and, where it is installed, Bandit; and how long the report on a small change takes in a large repository, from the patch to what a person is shown.',
  measure: async (context) => [...(await compareOnLibrary(context)), ...(await compareReports(context))],
}
