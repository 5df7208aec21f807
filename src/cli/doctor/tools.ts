import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Config } from '../../config.ts'
import { type Check, limited, missing, ok } from './check.ts'
import { installCommand } from './packages.ts'

const run = promisify(execFile)
const oldestNode = [24, 0] as const
const oldestGit = [2, 38] as const
const limitMs = 15_000

/** Whether the first version number in a text is at least the given one; null when there is none. */
export const isAtLeast = (text: string, [major, minor]: readonly [major: number, minor: number]): boolean | null => {
  const found = /(\d+)\.(\d+)/.exec(text)
  if (!found) return null
  const [foundMajor, foundMinor] = [Number(found[1]), Number(found[2])]
  return foundMajor > major || (foundMajor === major && foundMinor >= minor)
}

/** What a program says of its version; null when it cannot be run. */
const versionOf = async (program: string, { searchPath }: Config): Promise<string | null> => {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: limitMs, env: { PATH: searchPath, LC_ALL: 'C' } })
    return stdout.trim().split('\n', 1)[0] ?? ''
  } catch {
    // Not there, or not to be run: for the one who asks it is the same.
    return null
  }
}

export const checkNode = (version: string = process.versions.node): Check =>
  isAtLeast(version, oldestNode)
    ? ok('node', version)
    : missing(
        'node',
        `this is ${version}, and ${oldestNode[0]} or later is needed`,
        'use the npm scripts (npm start, npm run countersign -- ...): they bring their own Node 24',
      )

export const checkGit = async (config: Config): Promise<Check> => {
  const version = await versionOf('git', config)
  const remedy = installCommand('git', config.searchPath)
  if (version === null) return missing('git', 'not found on PATH', remedy)
  return isAtLeast(version, oldestGit)
    ? ok('git', version)
    : missing('git', `this is ${version}, and ${oldestGit.join('.')} or later is needed`, remedy)
}

export const checkPython = async (config: Config): Promise<Check> => {
  const version = await versionOf('python3', config)
  return version === null
    ? limited(
        'python3',
        'not found on PATH: Python projects and the demo cannot be tested',
        installCommand('python3', config.searchPath),
      )
    : ok('python3', version)
}
