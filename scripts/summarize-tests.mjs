/**
 * Prints `N passed, N failed` from vitest's JSON report, whose path is the argument. Exits with 1 unless tests passed
 * and none failed. A file that could not be loaded counts as one failure, and so does a run without a report.
 */
import { readFileSync } from 'node:fs'

const [file = ''] = process.argv.slice(2)
const { passed, failed } = count(readFileSync(file, 'utf8'))
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

/** @param {string} text */
function count(text) {
  if (text.trim() === '') return { passed: 0, failed: 1 }
  const { testResults, numPassedTests, numFailedTests, success } = JSON.parse(text)
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
  const failed = numFailedTests + unloaded
  // An error outside of any test fails a run in which every test passed.
  return { passed: numPassedTests, failed: failed === 0 && !success ? 1 : failed }
}
