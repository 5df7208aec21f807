import { execFile } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from './find-program.ts'

const execute = promisify(execFile)

/** An installed interpreter: the directories it needs and where its programs are. */
export interface Toolchain {
  readonly name: string
  /** The interpreter itself, behind shims and links. */
  readonly program: string
  /** Bound read-only at the same place; what is below /usr is there already. */
  readonly directories: readonly string[]
  /** Put on PATH. */
  readonly binDirectory: string
}

export interface ToolchainOptions {
  readonly searchPath: string
  /** Directories of further toolchains, each with a `bin`. */
  readonly extra: readonly string[]
  /** Never bound, and nothing above them: the data directory, above all. */
  readonly hidden: readonly string[]
}

const SYSTEM = '/usr'
const PYTHON_PLACES = 'import sys; print(sys.executable, sys.prefix, sys.base_prefix, sep="\\n")'

/** Looks for the machine's toolchains; one that is not installed, or whose directory may not be shown, is left out. */
export async function findToolchains(options: ToolchainOptions): Promise<readonly Toolchain[]> {
  const found = [
    await findPython(options.searchPath),
    findNode(process.execPath),
    ...options.extra.map((directory) => fromPrefix(basename(directory), realpathSync(directory))),
  ]
  return found.filter((toolchain): toolchain is Toolchain => {
    return toolchain?.directories.every((directory) => mayBeShown(directory, options.hidden)) ?? false
  })
}

/** What a version manager puts on PATH is a shim that reads files of the home directory, so the interpreter is asked. */
async function findPython(searchPath: string): Promise<Toolchain | null> {
  const shim = findProgram('python3', searchPath)
  if (shim === null) return null
  const answer = await execute(shim, ['-I', '-c', PYTHON_PLACES], {
    env: { PATH: searchPath, HOME: homedir() },
    cwd: '/',
    timeout: 10_000,
  }).catch(() => null) // A python3 that cannot say where it is cannot be bound either.
  const [executable, prefix, basePrefix] = answer?.stdout.trim().split('\n') ?? []
  if (!executable || !prefix || !basePrefix) return null
  return {
    name: 'python3',
    program: executable,
    directories: outsideSystem([prefix, basePrefix, dirname(dirname(realpathSync(executable)))]),
    binDirectory: dirname(executable),
  }
}

function findNode(execPath: string): Toolchain {
  const program = realpathSync(execPath)
  const binDirectory = dirname(program)
  const directory = basename(binDirectory) === 'bin' ? dirname(binDirectory) : binDirectory
  return { name: 'node', program, directories: outsideSystem([directory]), binDirectory }
}

function fromPrefix(name: string, directory: string): Toolchain {
  const binDirectory = `${directory}/bin`
  return { name, program: binDirectory, directories: outsideSystem([directory]), binDirectory }
}

function outsideSystem(directories: readonly string[]): readonly string[] {
  const real = directories.map((directory) => realpathSync(directory))
  return [...new Set([...directories, ...real])].filter((directory) => !isWithin(directory, SYSTEM))
}

function mayBeShown(directory: string, hidden: readonly string[]): boolean {
  return directory !== '/' && ![homedir(), ...hidden].some((secret) => isWithin(secret, directory))
}

export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
}
