/** What makes one tree into another on a disk that has the one: read from the trees, at the cost of what differs. */

import { isUtf8 } from 'node:buffer'
import type { ChangeBounds, TreeFileChange } from '../../domain/ports/git-store.ts'
import { fromByteName, isTree, linkMode, type RawEntry, submoduleMode } from './git-objects.ts'
import { MissingObjectError, type Repository, readTree } from './repository.ts'

interface Found {
  /** What the other tree has no more: a file, or a directory with all below it. */
  readonly removed: string[]
  readonly files: { readonly path: string; readonly entry: RawEntry }[]
}

/** Thrown to leave the comparison: the answer is null. */
class TooFarError extends Error {}

/**
 * Null when they differ in more than the bounds, or in what is no plain file with a name in UTF-8.
 * @throws MissingObjectError
 */
export async function treeChanges(
  repository: Repository,
  fromTree: string,
  toTree: string,
  bounds: ChangeBounds,
): Promise<TreeFileChange[] | null> {
  const found: Found = { removed: [], files: [] }
  try {
    await compare(repository, { from: fromTree, to: toTree, place: '' }, found, bounds.files)
  } catch (error) {
    if (error instanceof TooFarError) return null
    throw error
  }
  const sizes = await Promise.all(found.files.map(async ({ entry }) => (await repository.info(entry.id))?.size ?? 0))
  if (sizes.reduce((sum, size) => sum + size, 0) > bounds.bytes) return null
  const written = await Promise.all(
    found.files.map(async ({ path, entry }) => ({
      path,
      content: await readBlob(repository, entry.id),
      isExecutable: entry.mode === '100755',
    })),
  )
  return [...found.removed.map((path) => ({ path, content: null, isExecutable: false })), ...written]
}

async function compare(
  repository: Repository,
  { from, to, place }: { from: string | null; to: string; place: string },
  found: Found,
  most: number,
): Promise<void> {
  if (from === to) return
  const [before, after] = await Promise.all([entriesOf(repository, from), entriesOf(repository, to)])
  const below: { readonly from: string | null; readonly to: string; readonly place: string }[] = []
  const note = (change: () => void) => {
    change()
    if (found.removed.length + found.files.length > most) throw new TooFarError()
  }
  for (const [name, entry] of before) {
    const next = after.get(name)
    const isReplaced = next === undefined || isTree(next) !== isTree(entry) || next.mode === submoduleMode
    if (isReplaced && entry.mode !== submoduleMode) note(() => found.removed.push(pathOf(place, name)))
  }
  for (const [name, entry] of after) {
    const old = before.get(name)
    if ((old?.id === entry.id && old.mode === entry.mode) || entry.mode === submoduleMode) continue
    const path = pathOf(place, name)
    if (isTree(entry)) {
      below.push({ from: old && isTree(old) ? old.id : null, to: entry.id, place: `${path}/` })
    } else if (entry.mode === linkMode) throw new TooFarError()
    else note(() => found.files.push({ path, entry }))
  }
  await Promise.all(below.map((pair) => compare(repository, pair, found, most)))
}

/** A name that is no UTF-8 cannot be given on as text. */
function pathOf(place: string, name: string): string {
  if (!isUtf8(Buffer.from(name, 'latin1'))) throw new TooFarError()
  return `${place}${fromByteName(name)}`
}

async function entriesOf(repository: Repository, tree: string | null): Promise<ReadonlyMap<string, RawEntry>> {
  const entries = tree === null ? [] : await readTree(repository, tree)
  return new Map(entries.map((entry) => [entry.name, entry]))
}

async function readBlob(repository: Repository, id: string): Promise<Buffer> {
  const object = await repository.contents(id)
  if (object?.kind !== 'blob') throw new MissingObjectError('blob', id)
  return object.content
}
