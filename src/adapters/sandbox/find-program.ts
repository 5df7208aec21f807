import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** Where the system's own tools are, whatever PATH the server was started with. */
export const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** The first executable file of that name on a search path, or null. */
export function findProgram(name: string, searchPath: string): string | null {
  const candidates = name.includes('/')
    ? [name]
    : searchPath
        .split(delimiter)
        .filter(isAbsolute)
        .map((directory) => join(directory, name))
  return candidates.find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    // Absent or not ours to run: either way it is not the program.
    return false
  }
}
