import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where PATH has a program; null when it has none. */
export const findProgram = (name: string): string | null => {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== '')) {
    try {
      const file = join(folder, name)
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not in this one.
    }
  }
  return null
}

/** What a program says of its version; null where it is not there, or refuses. */
export const versionOf = (name: string, ...args: readonly string[]): string | null => {
  const { status, stdout, stderr } = spawnSync(name, args, { encoding: 'utf8' })
  if (status !== 0) return null
  return /\d+(?:\.\d+)+/.exec(stdout || stderr)?.[0] ?? null
}
