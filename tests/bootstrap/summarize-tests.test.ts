import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const script = fileURLToPath(new URL('../../scripts/summarize-tests.mjs', import.meta.url))
const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((word) => ({ status: word })),
})

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
])('the summary of %s', async (_, content, line, exitCode) => {
  await using scratch = await temporaryDirectory()
  const path = join(scratch.path, 'report.json')
  await writeFile(path, content)
  const outcome = await new Promise((resolve) => {
    const child = execFile(process.execPath, [script, path], (_error, stdout) => {
      resolve({ stdout, code: child.exitCode })
    })
  })
  expect(outcome).toEqual({ stdout: line, code: exitCode })
})

function report(passed: number, failed: number, success: boolean, ...testResults: object[]): string {
  return JSON.stringify({ numPassedTests: passed, numFailedTests: failed, success, testResults })
}
