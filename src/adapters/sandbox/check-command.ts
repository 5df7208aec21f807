import { lstatSync, realpathSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { SandboxCommand } from '../../domain/ports/sandbox.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Refuses what no driver can run rightly, and gives the workspace's real path.
 * @throws TypeError
 */
export function checkCommand({ argv, environment, limits, workspace }: SandboxCommand): string {
  if (!argv[0]) throw new TypeError('A sandboxed command needs a program.')
  if (argv.some((argument) => argument.includes('\0'))) throw new TypeError('A command may not contain NUL.')
  for (const [name, value] of Object.entries(environment ?? {})) {
    if (!NAME.test(name)) throw new TypeError(`"${name.slice(0, 100)}" is no name for an environment variable.`)
    if (value.includes('\0')) throw new TypeError(`The environment variable ${name} contains NUL.`)
  }
  for (const [name, limit] of Object.entries(limits)) {
    if (!Number.isSafeInteger(limit) || limit <= 0) throw new TypeError(`The limit ${name} must be a positive integer.`)
  }
  if (!isAbsolute(workspace) || !lstatSync(workspace).isDirectory()) {
    throw new TypeError('The workspace must be the absolute path of a directory.')
  }
  return realpathSync(workspace)
}
