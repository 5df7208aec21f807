import { lstatSync, realpathSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { SandboxCommand, WorkspaceChange } from '../../domain/ports/sandbox.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** What a command works on, checked. */
export interface CheckedWorkspace {
  /** Real paths of what the workspace begins with, the topmost first: the base, and what the layer has for it. */
  readonly lowers: readonly string[]
  readonly changes: readonly WorkspaceChange[]
  /** The real path of the command's layer; null without one. */
  readonly layer: string | null
}

/**
 * Refuses what no driver can run rightly.
 * @throws TypeError
 */
export function checkCommand({ argv, environment, limits, workspace, layer }: SandboxCommand): CheckedWorkspace {
  if (!argv[0]) throw new TypeError('A sandboxed command needs a program.')
  if (argv.some((argument) => argument.includes('\0'))) throw new TypeError('A command may not contain NUL.')
  for (const [name, value] of Object.entries(environment ?? {})) {
    if (!NAME.test(name)) throw new TypeError(`"${name.slice(0, 100)}" is no name for an environment variable.`)
    if (value.includes('\0')) throw new TypeError(`The environment variable ${name} contains NUL.`)
  }
  for (const [name, limit] of Object.entries(limits)) {
    if (!Number.isSafeInteger(limit) || limit <= 0) throw new TypeError(`The limit ${name} must be a positive integer.`)
  }
  for (const { path } of workspace.changes) {
    if (path.includes('\0') || path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
      throw new TypeError(`${JSON.stringify(path.slice(0, 100))} is no path below a workspace.`)
    }
  }
  const real = layer === undefined ? null : realDirectory(layer, 'layer')
  const ofLayer = real === null ? null : join(real, 'workspace')
  return {
    lowers: [
      ...(workspace.base === null ? [] : [realDirectory(workspace.base, 'base of a workspace')]),
      ...(ofLayer !== null && isDirectory(ofLayer) ? [ofLayer] : []),
    ],
    changes: workspace.changes,
    layer: real,
  }
}

/** Whether it is a directory itself, and no link to one. */
export function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function realDirectory(path: string, what: string): string {
  if (!isAbsolute(path) || !isDirectory(path))
    throw new TypeError(`The ${what} must be the absolute path of a directory.`)
  return realpathSync(path)
}
