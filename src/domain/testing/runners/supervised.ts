import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path/posix'
import { superviseNode } from './supervise-node.ts'
import { supervisePython } from './supervise-python.ts'
import { superviseVitest } from './supervise-vitest.ts'

/** A command in the hands of a process that watches over its runner. */
export interface Supervised {
  readonly argv: readonly string[]
  /** What the supervising process objects to comes behind it. */
  readonly mark: string
}

const python = /^python(?:3(?:\.\d+)?)?$/
/** Python's own options without a value that leave the program to be run as it is. */
const pythonFlag = /^-[bBdEIOPqsSuvx]+$/
const unsafePath = /^-\w*[IP]/

const supervisePythonRunner = (command: readonly string[], mark: string): readonly string[] | null => {
  const [program = '', ...rest] = command
  if (basename(program) === 'pytest') {
    // A pytest that is named with its place belongs to the Python beside it, as in a virtual environment.
    const interpreter = program.includes('/') ? join(dirname(program), 'python3') : 'python3'
    return [interpreter, '-c', supervisePython, mark, 'pytest', '0', ...rest]
  }
  if (!python.test(basename(program))) return null
  const at = rest.indexOf('-m')
  const [flags, runner, args] = [rest.slice(0, at), rest[at + 1] ?? '', rest.slice(at + 2)]
  if (at < 0 || !flags.every((flag) => pythonFlag.test(flag))) return null
  if (runner !== 'pytest' && runner !== 'unittest') return null
  const isImportable = !flags.some((flag) => unsafePath.test(flag))
  return [program, ...flags, '-c', supervisePython, mark, runner, isImportable ? '1' : '0', ...args]
}

/** Node's own options with a value of its own word that may stand before `--test`. */
const nodeOptionsWithValue = new Set([
  '-r',
  '--require',
  '--import',
  '--loader',
  '--experimental-loader',
  '-C',
  '--conditions',
  '--test-concurrency',
  '--test-name-pattern',
  '--test-skip-pattern',
  '--test-reporter',
  '--test-reporter-destination',
  '--test-timeout',
])

/** Whether `--test` is said to Node, and not to a script that Node runs. */
const runsTests = (words: readonly string[]): boolean => {
  const at = words.indexOf('--test')
  const isOption = (word: string, index: number) =>
    word.startsWith('-') || nodeOptionsWithValue.has(words[index - 1] ?? '')
  return at >= 0 && words.slice(0, at).every(isOption)
}

const superviseNodeRunner = (command: readonly string[], mark: string): readonly string[] | null => {
  const [program = '', ...rest] = command
  if (basename(program) !== 'node' || !runsTests(rest)) return null
  return [program, '-e', superviseNode, '--', mark, ...rest]
}

const superviseVitestRunner = (command: readonly string[], mark: string): readonly string[] | null => {
  const words = command[0] === 'npx' ? command.slice(1) : command
  const hasOwnFile = words.some((word) => word.startsWith('--outputFile'))
  if (basename(words[0] ?? '') !== 'vitest' || words[1] !== 'run' || hasOwnFile) return null
  return ['node', '-e', superviseVitest, '--', mark, ...command]
}

/**
 * The command as a supervising process runs it; null for one whose runner has no report that is known here, of which the
 * exit status alone is evidence. A command that leads to a runner by a script (`npm test`, a shell) is none: the tree
 * says what it runs.
 */
export const supervised = (command: readonly string[]): Supervised | null => {
  const mark = `countersign-${randomBytes(8).toString('hex')}:`
  const argv =
    supervisePythonRunner(command, mark) ?? superviseNodeRunner(command, mark) ?? superviseVitestRunner(command, mark)
  return argv && { argv, mark }
}

/** Whether a command that ends well is known to have run a test at least. */
export const isSupervised = (command: readonly string[]): boolean => supervised(command) !== null

/** What the supervising process objected to, apart from the rest of stderr. */
export const splitObjection = (stderr: string, mark: string): { stderr: string; objection: string | null } => {
  const at = stderr.lastIndexOf(`\n${mark} `)
  if (at < 0) return { stderr, objection: null }
  return { stderr: stderr.slice(0, at), objection: stderr.slice(at + mark.length + 2).trim() }
}
