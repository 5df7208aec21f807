import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { findProgram } from '../../src/adapters/sandbox/find-program.ts'
import { findToolchains } from '../../src/adapters/sandbox/toolchains.ts'

const searchPath = (): string => process.env.PATH ?? ''

/** Where PATH has a program; null when it has none. */
export const programOnPath = (name: string): string | null => findProgram(name, searchPath())

/**
 * PATH with the interpreters themselves before all else: what a version manager puts in their place takes time of its
 * own, and the sandbox passes it by.
 */
export const pathOfInterpreters = async (): Promise<string> => {
  const toolchains = await findToolchains({ searchPath: searchPath(), extra: [], hidden: [] })
  return [...toolchains.map(({ binDirectory }) => binDirectory), searchPath()].join(delimiter)
}

/** What a program says of its version; null where it is not there, or refuses. */
export const versionOf = (name: string, ...args: readonly string[]): string | null => {
  const { status, stdout, stderr } = spawnSync(name, args, { encoding: 'utf8' })
  if (status !== 0) return null
  return /\d+(?:\.\d+)+/.exec(stdout || stderr)?.[0] ?? null
}
