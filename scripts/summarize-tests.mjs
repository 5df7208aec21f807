/**
 * Prints `N passed, N failed` from vitest's JSON report, whose path is the first argument. Exits with 1 unless tests
 * passed and none failed. A file that could not be loaded counts as one failure, and so does a run without a report.
 *
 * With `--failed-files` it prints the files in which something failed instead, one a line: nothing when there are none,
 * or so many that the change is at fault and not the moment.
 *
 * With a second report, of those files run again by themselves, what passed then counts as passed, and is named: a test
 * that does not always pass hides a fault of its own or of the product, and has to be looked into.
 */
import { readFileSync } from 'node:fs'

const fewFiles = 5

const [file = '', second] = process.argv.slice(2)
const first = read(file)
if (second === '--failed-files') {
  const files = first.failures.map(({ name }) => name)
  if (files.length <= fewFiles && first.hasReport) process.stdout.write(files.map((name) => `${name}\n`).join(''))
} else {
  const { passed, failed, unsteady } = second === undefined ? { ...first, unsteady: [] } : combine(first, read(second))
  for (const name of unsteady) process.stdout.write(`failed, and passed when it was run again by itself: ${name}\n`)
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
}

/** @param {string} path */
function read(path) {
  const text = readFileSync(path, 'utf8')
  if (text.trim() === '') return { hasReport: false, passed: 0, failed: 1, failures: [] }
  const { testResults, numPassedTests, numFailedTests, success } = JSON.parse(text)
  const failures = testResults
    .filter(({ status }) => status === 'failed')
    .map(({ name, assertionResults }) => {
      const tests = assertionResults.filter((test) => test.status === 'failed').map(({ fullName }) => fullName)
      // A file that could not be loaded.
      return { name, tests: tests.length > 0 ? tests : ['the file'] }
    })
  const unloaded = failures.filter(({ tests }) => tests[0] === 'the file').length
  const failed = numFailedTests + unloaded
  // An error outside of any test fails a run in which every test passed.
  return { hasReport: true, passed: numPassedTests, failed: failed === 0 && !success ? 1 : failed, failures }
}

/**
 * @param {ReturnType<typeof read>} before
 * @param {ReturnType<typeof read>} again
 */
function combine(before, again) {
  if (!again.hasReport || again.failed > 0 || again.passed === 0) return { ...before, unsteady: [] }
  const unsteady = before.failures.flatMap(({ name, tests }) => tests.map((test) => `${name} > ${test}`))
  // A file that could not be loaded before has brought its tests now.
  return { passed: before.passed + before.failed, failed: 0, unsteady }
}
