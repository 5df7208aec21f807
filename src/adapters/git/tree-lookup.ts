/** Finds many paths in one tree, reading each directory once. */

import { isTree, type RawEntry, toByteName, treeMode } from './git-objects.ts'
import { type Repository, readTree } from './repository.ts'

interface FoundPath {
  readonly entry: RawEntry | null
  /** What stands where one of the path's directories would be; null when nothing does. */
  readonly blocker: { readonly path: string; readonly entry: RawEntry } | null
}

export type TreeLookup = (path: string) => Promise<FoundPath>

export function createTreeLookup(repository: Repository, root: string): TreeLookup {
  const directories = new Map<string, Promise<ReadonlyMap<string, RawEntry>>>()
  const directory = (id: string) => {
    const known = directories.get(id)
    if (known) return known
    const read = readTree(repository, id).then((entries) => new Map(entries.map((entry) => [entry.name, entry])))
    directories.set(id, read)
    return read
  }
  return async (path) => {
    let entry: RawEntry = { name: '', mode: treeMode, id: root }
    const names = path.split('/')
    for (const [index, name] of names.entries()) {
      if (!isTree(entry)) return { entry: null, blocker: { path: names.slice(0, index).join('/'), entry } }
      const next = (await directory(entry.id)).get(toByteName(name))
      if (next === undefined) return { entry: null, blocker: null }
      entry = next
    }
    return { entry, blocker: null }
  }
}
