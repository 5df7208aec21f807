/** The paths in which two trees differ, by reading both; directories with the same id are passed over. */

import { fromByteName, isTree, type RawEntry } from './git-objects.ts'
import { type Repository, readTree } from './repository.ts'

/** Files, links and submodules, not directories. @throws MissingObjectError */
export async function differingPaths(
  repository: Repository,
  left: string | null,
  right: string | null,
  place = '',
): Promise<string[]> {
  if (left === right) return []
  const [before, after] = await Promise.all([entriesOf(repository, left), entriesOf(repository, right)])
  const paths: string[] = []
  const below: Promise<string[]>[] = []
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(name)
    const next = after.get(name)
    if (old?.id === next?.id && old?.mode === next?.mode) continue
    const path = `${place}${fromByteName(name)}`
    if ((old && !isTree(old)) || (next && !isTree(next))) paths.push(path)
    const [oldTree, newTree] = [old, next].map((entry) => (entry && isTree(entry) ? entry.id : null))
    below.push(differingPaths(repository, oldTree ?? null, newTree ?? null, `${path}/`))
  }
  return [...paths, ...(await Promise.all(below)).flat()]
}

async function entriesOf(repository: Repository, tree: string | null): Promise<ReadonlyMap<string, RawEntry>> {
  const entries = tree === null ? [] : await readTree(repository, tree)
  return new Map(entries.map((entry) => [entry.name, entry]))
}
