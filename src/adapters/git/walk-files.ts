/** The files of a tree in the order of their paths, from any place on: only directories on the way are read. */

import type { FileRange, TreeFile } from '../../domain/ports/git-store.ts'
import { isTree, type RawEntry, treeMode } from './git-objects.ts'
import { type Repository, readTree } from './repository.ts'

interface Place extends RawEntry {
  /** From the root, one character a byte; a directory's ends with a slash. */
  readonly path: string
}

interface ByteRange {
  readonly prefix: string
  readonly after: string | null
  readonly before: string | null
}

/** @throws MissingObjectError */
export async function* walkFiles(repository: Repository, tree: string, range: FileRange): AsyncGenerator<TreeFile> {
  const wanted: ByteRange = {
    prefix: byteText(range.prefix) ?? '',
    after: byteText(range.after),
    before: byteText(range.before),
  }
  const direction = range.order === 'desc' ? -1 : 1
  const open: Place[] = [{ path: '', name: '', mode: treeMode, id: tree }]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (!isTree(place)) {
      yield { pathBytes: Buffer.from(place.path, 'latin1'), mode: place.mode.padStart(6, '0'), objectId: place.id }
      continue
    }
    const { path } = place
    const below = (await readTree(repository, place.id))
      .map((entry) => ({ ...entry, path: `${path}${entry.name}${isTree(entry) ? '/' : ''}` }))
      .filter((each) => (isTree(each) ? mayHold(each.path, wanted) : holds(each.path, wanted)))
    // What comes first is put on top of the stack.
    below.sort((left, right) => (left.path < right.path ? direction : -direction))
    for (const each of below) open.push(each)
  }
}

function byteText(bytes: Uint8Array | null | undefined): string | null {
  return bytes == null ? null : Buffer.from(bytes).toString('latin1')
}

function holds(path: string, { prefix, after, before }: ByteRange): boolean {
  return path.startsWith(prefix) && (after === null || path > after) && (before === null || path < before)
}

/** Whether some path that begins with this directory's can be in the range. */
function mayHold(directory: string, { prefix, after, before }: ByteRange): boolean {
  return (
    (directory.startsWith(prefix) || prefix.startsWith(directory)) &&
    (after === null || directory > after || after.startsWith(directory)) &&
    (before === null || directory < before)
  )
}
