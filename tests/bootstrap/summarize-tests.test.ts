import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const script = fileURLToPath(new URL('../../scripts/summarize-tests.mjs', import.meta.url))
const file = (status: string, ...tests: string[]) => ({
  name: '/clone/tests/some.test.ts',
  status,
  assertionResults: tests.map((word, place) => ({ status: word, fullName: `does ${place}` })),
})
const failedOnce = report(1, 1, false, file('failed', 'passed', 'failed'))

/** What the script prints of reports, and its exit code. */
const summary = async (reports: readonly string[], ...args: string[]) => {
  await using scratch = await temporaryDirectory()
  const paths = reports.map((_, place) => join(scratch.path, `report-${place}.json`))
  for (const [place, path] of paths.entries()) await writeFile(path, reports[place] ?? '')
  const outcome = Promise.withResolvers<{ stdout: string; code: number | null }>()
  const child = execFile(process.execPath, [script, ...paths, ...args], (_error, stdout) => {
    outcome.resolve({ stdout, code: child.exitCode })
  })
  return await outcome.promise
}

it.each([
  ['a run that passed', report(3, 0, true, file('passed', 'passed', 'passed', 'passed')), '3 passed, 0 failed\n', 0],
  ['a failed test', report(1, 1, false, file('failed', 'passed', 'failed')), '1 passed, 1 failed\n', 1],
  [
    'a file that could not be loaded',
    report(1, 0, false, file('passed', 'passed'), file('failed')),
    '1 passed, 1 failed\n',
    1,
  ],
  ['an error outside of any test', report(1, 0, false, file('passed', 'passed')), '1 passed, 1 failed\n', 1],
  ['a run without a single test', report(0, 0, true), '0 passed, 0 failed\n', 1],
  ['a run that wrote no report', '', '0 passed, 1 failed\n', 1],
])('the summary of %s', async (_, content, stdout, code) => {
  expect(await summary([content])).toEqual({ stdout, code })
})

it.each([
  [
    'passed then',
    report(2, 0, true, file('passed', 'passed', 'passed')),
    'failed, and passed when it was run again by itself: /clone/tests/some.test.ts > does 1\n2 passed, 0 failed\n',
    0,
  ],
  ['failed then as well', failedOnce, '1 passed, 1 failed\n', 1],
  ['did not run then', '', '1 passed, 1 failed\n', 1],
])('what failed, was run again by itself and %s', async (_, again, stdout, code) => {
  expect(await summary([failedOnce, again])).toEqual({ stdout, code })
})

it.each([
  ['one that failed', failedOnce, '/clone/tests/some.test.ts\n'],
  ['none', report(3, 0, true, file('passed', 'passed')), ''],
  ['none of a run that wrote no report', '', ''],
  ['none of many: something is broken', report(0, 6, false, ...Array(6).fill(file('failed', 'failed'))), ''],
])('the files to run again are %s', async (_, content, stdout) => {
  expect(await summary([content], '--failed-files')).toEqual({ stdout, code: 0 })
})

function report(passed: number, failed: number, success: boolean, ...testResults: object[]): string {
  return JSON.stringify({ numPassedTests: passed, numFailedTests: failed, success, testResults })
}
