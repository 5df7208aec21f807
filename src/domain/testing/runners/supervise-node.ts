/** Runs in the runner's process, which with its default isolation is not that of the tests. */
const reporter = `
import { writeSync } from 'node:fs'
const kinds = { 'test:enqueue': 'enqueued', 'test:pass': 'ended', 'test:fail': 'ended' }
export default async function* (events) {
  for await (const { type, data } of events) {
    if (kinds[type]) writeSync(3, JSON.stringify({ kind: kinds[type], file: data.file, name: data.name, isFailed: type === 'test:fail' && data.todo === undefined && data.skip === undefined }) + '\\n')
  }
  writeSync(3, JSON.stringify({ kind: 'finished' }) + '\\n')
}`

/**
 * A program for Node that supervises `node --test` from another process than the runner's and the tests'. The runner
 * reports each test that begins and ends through a channel without a name; the program exits with 0 only if the runner
 * did, came to its end, and every test that began is in the report as one that did not fail. A file that has tests and
 * reports none left early. What it objects to is the last line of stderr, behind the mark that it was given.
 * Arguments: mark, then the runner's own.
 */
export const superviseNode = `
const { spawn } = require('node:child_process')
const { readFileSync } = require('node:fs')
const { resolve } = require('node:path')
const [mark, ...args] = process.argv.slice(1)
const named = (option) => args.filter((word) => word === option || word.startsWith(option + '=')).length
const own = named('--test-reporter') > named('--test-reporter-destination')
  ? ['--test-reporter-destination=stdout']
  : named('--test-reporter') > 0 ? [] : ['--test-reporter=spec', '--test-reporter-destination=stdout']
const reporter = 'data:text/javascript,' + encodeURIComponent(${JSON.stringify(reporter)})
const options = [...own, '--test-reporter=' + reporter, '--test-reporter-destination=stderr']
const child = spawn(process.execPath, [...options, ...args], { stdio: [0, 1, 2, 'pipe'] })
let text = ''
child.stdio[3].setEncoding('utf8').on('data', (part) => { text += part }).on('error', () => {})
const object = (words) => {
  require('node:fs').writeSync(2, '\\n' + mark + ' ' + words + '\\n')
  process.exit(1)
}
const some = (names) => names.slice(0, 5).join(', ') + (names.length > 5 ? ', ...' : '')
const judge = () => {
  const report = text.split('\\n').slice(0, -1).map((line) => JSON.parse(line))
  if (!report.some(({ kind }) => kind === 'finished')) object('The runner ended with exit status 0 before it had reported all tests.')
  const isFile = ({ file, name }) => file !== undefined && name !== undefined && resolve(name) === file
  const tests = report.filter((each) => each.kind !== 'finished' && !isFile(each))
  const files = [...new Set(report.filter((each) => each.file !== undefined && isFile(each)).map(({ file }) => file))]
  if (files.length === 0 && tests.length === 0) object('The runner ended with exit status 0, and no test was found.')
  const count = (kind, file) => tests.filter((each) => each.kind === kind && each.file === file).length
  const begun = tests.filter(({ kind }) => kind === 'enqueued').length
  const of = [...new Set(tests.map(({ file }) => file))]
  const missing = of.reduce((sum, file) => sum + Math.max(0, count('enqueued', file) - count('ended', file)), 0)
  if (missing > 0) object(missing + ' of ' + begun + ' tests are missing from the report, though the runner ended with exit status 0.')
  const failed = report.filter(({ kind, isFailed }) => kind === 'ended' && isFailed)
  if (failed.length > 0) object(failed.length + ' of ' + begun + ' tests failed, though the runner ended with exit status 0: ' + some(failed.map(({ name }) => name)))
  const hasTests = (file) => {
    try {
      return /\\b(?:test|it|describe|suite)\\s*[.(]|node:test/.test(readFileSync(file, 'utf8'))
    } catch {
      return true
    }
  }
  const left = files.filter((file) => count('ended', file) === 0 && hasTests(file))
  if (left.length > 0) object('No test is in the report of ' + some(left.map((file) => file.slice(process.cwd().length + 1))) + ', though the runner ended with exit status 0: it was left before its tests had ended.')
}
child.on('error', (error) => object('The runner could not be started: ' + error.message))
child.on('exit', (code, signal) => {
  if (signal) return process.kill(process.pid, signal)
  if (code !== 0) process.exit(code)
  // What the tests left running may hold the channel open.
  const late = setTimeout(() => { judge(); process.exit(0) }, 1000)
  child.stdio[3].once('close', () => { clearTimeout(late); judge(); process.exit(0) })
})
`
