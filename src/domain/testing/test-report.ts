import { cut } from '../shared/safe-text.ts'
import type { TestOutcome } from './run-test-case.ts'
import type { TestStatus } from './test-run.status.ts'

const maxOutputCharacters = 8_000

interface Reported extends Pick<TestOutcome, 'stdout' | 'stderr' | 'error'> {
  readonly name: string
  readonly status: TestStatus | null
}

const block = (result: Reported): string => {
  if (result.status === 'PASSED') return `PASSED ${result.name}`
  const output = [result.error, result.stdout.trim(), result.stderr.trim()].filter(Boolean).join('\n')
  // Test runners say what went wrong at the end.
  const tail = output.length > maxOutputCharacters ? `[start left out]\n${output.slice(-maxOutputCharacters)}` : output
  return `${result.status ?? 'SKIPPED'} ${result.name}\n${tail}`
}

/** Test results as words for a model: a line for each that passed, the output of each that did not. */
export const describeResults = (results: readonly Reported[]): string =>
  results.length === 0 ? 'There are no tests.' : cut(results.map(block).join('\n\n'), 50_000)
