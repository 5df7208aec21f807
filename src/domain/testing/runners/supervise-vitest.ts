/**
 * A program for Node that supervises `vitest run` from another process than the runner's and the tests'. The runner
 * writes its report to a path that nobody knows beforehand; the program exits with 0 only if the runner did and every
 * collected test is in the report as one that did not fail, and one at least passed. What it objects to is the last line of stderr, behind the
 * mark that it was given.
 * Arguments: mark, then the command.
 */
export const superviseVitest = `
const { spawn } = require('node:child_process')
const { mkdtempSync, readFileSync, rmSync, writeSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const [mark, program, ...args] = process.argv.slice(1)
const directory = mkdtempSync(join(tmpdir(), 'report-'))
const path = join(directory, 'report.json')
const object = (words) => {
  writeSync(2, '\\n' + mark + ' ' + words + '\\n')
  process.exit(1)
}
const judge = () => {
  let report
  try {
    report = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    object('The runner ended with exit status 0 before it had reported all tests.')
  }
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const total = Math.max(report.numTotalTests, tests.length)
  if (!(total > 0)) object('The runner ended with exit status 0, and no test was collected.')
  const failed = tests.filter(({ status }) => status === 'failed').length
  if (failed > 0 || report.success !== true) object(failed + ' of ' + total + ' tests failed, though the runner ended with exit status 0.')
  const count = (...wanted) => tests.filter(({ status }) => wanted.includes(status)).length
  // A test that is pending was not run: it was waiting, or under way, when its process was left.
  const missing = total - count('passed', 'skipped', 'todo', 'disabled')
  if (missing > 0) object(missing + ' of ' + total + ' tests are missing from the report, though the runner ended with exit status 0.')
  if (count('passed') === 0) object('None of ' + total + ' tests passed: all were skipped or expected to fail.')
}
const reporters = args.some((word) => /^--reporters?(=|$)/.test(word)) ? [] : ['--reporter=default']
const child = spawn(program, [...args, ...reporters, '--reporter=json', '--outputFile.json=' + path], { stdio: 'inherit' })
child.on('error', (error) => object(program + ' could not be started: ' + error.message))
child.on('exit', (code, signal) => {
  if (signal) return process.kill(process.pid, signal)
  if (code !== 0) process.exit(code)
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  judge()
})
`
