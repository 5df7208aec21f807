import { execFile } from 'node:child_process'
import { programFile } from './programs.ts'

/** The command line's program, for the Node that runs the tests. */
export const main = (): string => programFile('src/main')

const { PATH, NODE_COMPILE_CACHE } = process.env

/** Of the machine: a command gets nothing else of this process's environment. */
export const machine = { PATH, NODE_COMPILE_CACHE }

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the command line as a person does, to its end. */
export const countersign = (
  env: Readonly<Record<string, string | undefined>>,
  ...args: readonly string[]
): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [main(), ...args],
      { env: { ...machine, ...env } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })

/** What a command said with `--json`. */
export const jsonLines = (stdout: string): { readonly type: string }[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
