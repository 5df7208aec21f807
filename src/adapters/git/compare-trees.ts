/** What differs between two trees, by reading both; directories with the same id are passed over. */

import { fromByteName, isTree, type RawEntry } from './git-objects.ts'
import { type Repository, readTree } from './repository.ts'

/** A path at which two trees have different files, links or submodules. */
interface DifferingEntry {
  /** From the root, one character a byte. */
  readonly path: string
  readonly before: RawEntry | null
  readonly after: RawEntry | null
}

/** In no order. @throws MissingObjectError */
export async function differingEntries(
  repository: Repository,
  left: string | null,
  right: string | null,
  place = '',
): Promise<DifferingEntry[]> {
  if (left === right) return []
  const [before, after] = await Promise.all([entriesOf(repository, left), entriesOf(repository, right)])
  const found: DifferingEntry[] = []
  const below: Promise<DifferingEntry[]>[] = []
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(name)
    const next = after.get(name)
    if (old?.id === next?.id && old?.mode === next?.mode) continue
    const path = `${place}${name}`
    const [oldFile, newFile] = [old, next].map((entry) => (entry && !isTree(entry) ? entry : null))
    if (oldFile || newFile) found.push({ path, before: oldFile ?? null, after: newFile ?? null })
    const [oldTree, newTree] = [old, next].map((entry) => (entry && isTree(entry) ? entry.id : null))
    below.push(differingEntries(repository, oldTree ?? null, newTree ?? null, `${path}/`))
  }
  return [...found, ...(await Promise.all(below)).flat()]
}

/** The paths of files, links and submodules, not of directories. @throws MissingObjectError */
export async function differingPaths(repository: Repository, left: string, right: string): Promise<string[]> {
  return (await differingEntries(repository, left, right)).map(({ path }) => fromByteName(path))
}

async function entriesOf(repository: Repository, tree: string | null): Promise<ReadonlyMap<string, RawEntry>> {
  const entries = tree === null ? [] : await readTree(repository, tree)
  return new Map(entries.map((entry) => [entry.name, entry]))
}
