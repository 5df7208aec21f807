/** The names of the files of one import: each safe, each once, none of them also a directory of another. */

import { pathFault } from './patch-paths.ts'

export interface PathRegister {
  add(path: string): void
  /** To be called when all files are in. */
  finish(): void
  readonly paths: ReadonlySet<string>
}

/** @param fault makes the error for a name, to be read as "the entry <path> <words>" */
export function createPathRegister(fault: (path: string, words: string) => Error): PathRegister {
  const paths = new Set<string>()
  return {
    paths,
    add(path) {
      const found = pathFault(path, false)
      if (found) throw fault(JSON.stringify(path.slice(0, 300)), found.words)
      if (paths.has(path)) throw fault(JSON.stringify(path), 'is there twice')
      paths.add(path)
    },
    finish() {
      for (const path of paths) {
        for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
          const parent = path.slice(0, end)
          if (paths.has(parent)) throw fault(JSON.stringify(parent), 'is a file and a directory')
        }
      }
    },
  }
}
