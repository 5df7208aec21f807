/** Runs in the runner's process, which with its default isolation is not that of the tests. */
const reporter = `
import { writeSync } from 'node:fs'
const kinds = { 'test:enqueue': 'enqueued', 'test:pass': 'ended', 'test:fail': 'ended' }
export default async function* (events) {
  for await (const { type, data } of events) {
    const kind = kinds[type]
    const { file, name, line, column, nesting } = data
    const isCounted = data.todo === undefined && data.skip === undefined
    const isFailed = type === 'test:fail' && isCounted
    const isPassed = type === 'test:pass' && isCounted && data.details.type !== 'suite'
    if (kind) writeSync(3, JSON.stringify({ kind, file, name, place: [nesting, line, column], isFailed, isPassed }) + '\\n')
  }
  writeSync(3, JSON.stringify({ kind: 'finished' }) + '\\n')
}`

/**
 * Runs in each process before its test file, and notes that it came to its own end: \`process.exit\` skips that. Behind
 * the directory in which it does so.
 */
const preload = `
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
const { argv, pid, ppid } = process
if (isMainThread) process.once('beforeExit', () => writeFileSync(join(directory, String(pid)), JSON.stringify({ file: argv[1], ppid })))
`

/**
 * A program for Node that supervises `node --test` from another process than the runner's and the tests'. The runner
 * reports each test that begins and ends through a channel without a name; the program exits with 0 only if the runner
 * did and came to its end, every test that began is in the report as one that did not fail, every file's process came to
 * its own end, and something passed: a test, or a file without tests. What it objects to is the last line of stderr,
 * behind the mark that it was given.
 * Arguments: mark, then the runner's own.
 */
export const superviseNode = `
const { spawn } = require('node:child_process')
const { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join, relative, resolve } = require('node:path')
const [mark, ...args] = process.argv.slice(1)
const named = (...options) => args.filter((word) => options.some((option) => word === option || word.startsWith(option + '='))).length
const own = named('--test-reporter') > named('--test-reporter-destination')
  ? ['--test-reporter-destination=stdout']
  : named('--test-reporter') > 0 ? [] : ['--test-reporter=spec', '--test-reporter-destination=stdout']
const module = (text) => 'data:text/javascript,' + encodeURIComponent(text)
const directory = mkdtempSync(join(tmpdir(), 'ends-'))
const options = [
  ...own,
  '--test-reporter=' + module(${JSON.stringify(reporter)}),
  '--test-reporter-destination=stderr',
  '--import=' + module('const directory = ' + JSON.stringify(directory) + ${JSON.stringify(preload)}),
]
const isFiltered = named('--test-name-pattern', '--test-skip-pattern', '--test-only') > 0
const isInOneProcess = args.some((word) => /^--(?:experimental-)?test-isolation=none$/.test(word))
const isLeftOnPurpose = named('--test-force-exit') > 0
const child = spawn(process.execPath, [...options, ...args], { stdio: [0, 1, 2, 'pipe'] })
let text = ''
child.stdio[3].setEncoding('utf8').on('data', (part) => { text += part }).on('error', () => {})
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
const object = (words) => {
  writeSync(2, '\\n' + mark + ' ' + words + '\\n')
  process.exit(1)
}
const some = (names) => names.slice(0, 5).join(', ') + (names.length > 5 ? ', ...' : '')
const real = (file) => {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}
const naturalEnds = () =>
  new Set(
    readdirSync(directory)
      .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')))
      .filter(({ file, ppid }) => file !== undefined && ppid === child.pid)
      .map(({ file }) => real(file)),
  )
const judge = () => {
  const report = text.split('\\n').slice(0, -1).map((line) => JSON.parse(line))
  if (!report.some(({ kind }) => kind === 'finished')) object('The runner ended with exit status 0 before it had reported all tests.')
  const isFile = ({ file, name }) => file !== undefined && name !== undefined && resolve(name) === file
  const tests = report.filter((each) => each.kind !== 'finished' && !isFile(each))
  const files = [...new Set(report.filter((each) => each.kind !== 'finished' && isFile(each)).map(({ file }) => real(file)))]
  if (files.length === 0 && tests.length === 0) object('The runner ended with exit status 0, and no test was found.')
  const unended = new Map()
  for (const { kind, file, name, place } of tests) {
    const key = JSON.stringify([file, name, place])
    unended.set(key, (unended.get(key) ?? 0) + (kind === 'enqueued' ? 1 : -1))
  }
  const total = tests.filter(({ kind }) => kind === 'enqueued').length
  const missing = [...unended.values()].reduce((sum, count) => sum + Math.max(0, count), 0)
  if (missing > 0) object(missing + ' of ' + total + ' tests are missing from the report, though the runner ended with exit status 0.')
  const failed = report.filter(({ kind, isFailed }) => kind === 'ended' && isFailed)
  if (failed.length > 0) object(failed.length + ' of ' + total + ' tests failed, though the runner ended with exit status 0: ' + some(failed.map(({ name }) => name)))
  const withTests = new Set(tests.filter(({ kind, file }) => kind === 'ended' && file !== undefined).map(({ file }) => real(file)))
  const ended = naturalEnds()
  const left = isInOneProcess ? [] : files.filter((file) => !ended.has(file) && !(isLeftOnPurpose && withTests.has(file)))
  if (left.length > 0) object('The process of ' + some(left.map((file) => relative(real('.'), file))) + ' was left, as by process.exit, before it had come to its own end, though with exit status 0: nobody knows which of its tests were still to come.')
  const hasPassed = tests.some(({ isPassed }) => isPassed) || (!isFiltered && files.some((file) => !withTests.has(file)))
  if (!hasPassed) object(total === 0 ? 'No test was run: there is none, or none has a name that was asked for.' : 'None of ' + total + ' tests passed: all were skipped or still to do.')
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
