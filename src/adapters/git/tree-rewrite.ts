/** A tree with some files set or removed: only the directories on the way to them are read and made anew. */

import {
  isTree,
  linkMode,
  type NewObject,
  newObject,
  type RawEntry,
  serialiseTree,
  submoduleMode,
  treeMode,
} from './git-objects.ts'
import { type Repository, readTree } from './repository.ts'

export interface TreeEdit {
  /** From the root, as byte names. */
  readonly names: readonly string[]
  /** What is put there; null removes the file that is there. */
  readonly entry: { readonly mode: string; readonly id: string } | null
}

interface RewrittenTree {
  readonly tree: string
  /** The tree objects to be written; those of unchanged directories are there already. */
  readonly objects: readonly NewObject[]
}

type Obstacle = 'file' | 'symlink' | 'submodule' | 'directory' | 'nothing'

/** Something else is where a file or directory would have to be. */
export class TreeConflictError extends Error {
  override readonly name = 'TreeConflictError'
  /** The place of the obstacle, as byte names. */
  readonly names: readonly string[]
  readonly obstacle: Obstacle
  constructor(names: readonly string[], obstacle: Obstacle) {
    super(`there is ${obstacle === 'nothing' ? obstacle : `a ${obstacle}`} at ${names.join('/')}`)
    this.names = names
    this.obstacle = obstacle
  }
}

interface PendingEdit {
  readonly edit: TreeEdit
  readonly depth: number
}

/**
 * Removals take place before additions, so a file may give way to a directory of its name and the other way round.
 * A directory that becomes empty is gone.
 * @throws TreeConflictError
 */
export async function rewriteTree(
  repository: Repository,
  tree: string,
  edits: readonly TreeEdit[],
): Promise<RewrittenTree> {
  const objects: NewObject[] = []
  const root = await rewriteDirectory(
    repository,
    tree,
    edits.map((edit) => ({ edit, depth: 0 })),
    [],
    objects,
  )
  if (root !== null) return { tree: root, objects }
  const empty = newObject(repository.hash, 'tree', Buffer.alloc(0))
  return { tree: empty.id, objects: [...objects, empty] }
}

/** The id of the directory's new tree, null when nothing is left in it. */
async function rewriteDirectory(
  repository: Repository,
  tree: string | null,
  edits: readonly PendingEdit[],
  place: readonly string[],
  objects: NewObject[],
): Promise<string | null> {
  const entries = new Map<string, RawEntry>()
  if (tree !== null) for (const entry of await readTree(repository, tree)) entries.set(entry.name, entry)
  const { here, below } = byDirectory(edits)

  for (const [name, { entry }] of here) {
    if (entry !== null) continue
    const existing = entries.get(name)
    if (existing === undefined || isTree(existing)) throw new TreeConflictError([...place, name], obstacleOf(existing))
    entries.delete(name)
  }
  for (const [name, inner] of below) {
    const existing = entries.get(name)
    if (existing !== undefined && !isTree(existing)) throw new TreeConflictError([...place, name], obstacleOf(existing))
    const id = await rewriteDirectory(repository, existing?.id ?? null, inner, [...place, name], objects)
    if (id === null) entries.delete(name)
    else entries.set(name, { name, mode: treeMode, id })
  }
  for (const [name, { entry }] of here) {
    if (entry === null) continue
    const existing = entries.get(name)
    if (existing !== undefined && isTree(existing)) throw new TreeConflictError([...place, name], 'directory')
    entries.set(name, { name, mode: entry.mode, id: entry.id })
  }
  if (entries.size === 0) return null
  const object = newObject(repository.hash, 'tree', serialiseTree([...entries.values()]))
  if (object.id !== tree) objects.push(object)
  return object.id
}

function byDirectory(edits: readonly PendingEdit[]) {
  const here: [name: string, edit: TreeEdit][] = []
  const below = new Map<string, PendingEdit[]>()
  for (const { edit, depth } of edits) {
    const name = edit.names[depth]
    if (name === undefined) throw new TypeError('an edit has no name')
    if (depth === edit.names.length - 1) here.push([name, edit])
    else {
      const inner = below.get(name) ?? []
      inner.push({ edit, depth: depth + 1 })
      below.set(name, inner)
    }
  }
  return { here, below }
}

export function obstacleOf(entry: RawEntry | undefined): Obstacle {
  if (entry === undefined) return 'nothing'
  if (isTree(entry)) return 'directory'
  if (entry.mode === linkMode) return 'symlink'
  return entry.mode === submoduleMode ? 'submodule' : 'file'
}
