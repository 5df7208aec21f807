/**
 * The names of the files of one import: each safe, each once, none of them also a directory of another, also where
 * names that differ in case or in how accents are composed are the same.
 */

import { pathFault } from './patch-paths.ts'

export interface PathRegister {
  add(path: string): void
  /** Notes a directory that need not have files. */
  addDirectory(path: string): void
  /** To be called when all files are in. */
  finish(): void
  readonly paths: ReadonlySet<string>
}

/**
 * @param fault makes the error for a name, to be read as "the entry <path> <words>"
 * @param options.isNew also refuses names that other systems cannot hold
 */
export function createPathRegister(
  fault: (path: string, words: string) => Error,
  options: { readonly isNew: boolean } = { isNew: false },
): PathRegister {
  const paths = new Set<string>()
  const byFolded = new Map<string, string>()
  const directories = new Set<string>()
  return {
    paths,
    add(path) {
      const found = pathFault(path, options.isNew)
      if (found) throw fault(JSON.stringify(path.slice(0, 300)), found.words)
      if (paths.has(path)) throw fault(JSON.stringify(path), 'is there twice')
      const folded = fold(path)
      const same = byFolded.get(folded)
      if (same !== undefined) throw fault(JSON.stringify(path), `is ${JSON.stringify(same)} on some systems`)
      byFolded.set(folded, path)
      paths.add(path)
    },
    addDirectory(path) {
      directories.add(path)
    },
    finish() {
      for (const path of directories) {
        if (byFolded.has(fold(path))) throw fault(JSON.stringify(path), 'is a file and a directory')
      }
      for (const path of paths) {
        for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
          const file = byFolded.get(fold(path.slice(0, end)))
          if (file !== undefined) throw fault(JSON.stringify(file), 'is a file and a directory')
        }
      }
    },
  }
}

/** The same for names that file systems without regard to case, or with their own form of Unicode, take for one. */
function fold(path: string): string {
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC')
}
