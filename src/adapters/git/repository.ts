/** What the parts of this adapter are given of one repository. */

import type { ObjectHeader, ReadObject } from './cat-file.ts'
import { type HashName, isObjectId, isTree, parseTree, type RawEntry } from './git-objects.ts'
import type { GitOutput, GitRun } from './run-git.ts'

export interface Repository {
  readonly directory: string
  readonly hash: HashName
  /** Runs git on this repository. */
  git(run: Omit<GitRun, 'repository'>): Promise<GitOutput>
  /** Null when there is no such object. */
  info(name: string): Promise<ObjectHeader | null>
  contents(name: string): Promise<ReadObject | null>
  /** Moves a reference; false when git did not confirm it. The names must have been checked for shape. */
  moveRef(ref: string, to: string, from: string | null): Promise<boolean>
}

/** A repository lacks an object that one of its own objects, or our caller, names. */
export class MissingObjectError extends Error {
  override readonly name = 'MissingObjectError'
  constructor(kind: string, id: string) {
    super(`the repository has no ${kind} ${id}`)
  }
}

/** @throws MissingObjectError */
export async function readTree(repository: Repository, id: string): Promise<RawEntry[]> {
  const object = await repository.contents(id)
  if (object?.kind !== 'tree') throw new MissingObjectError('tree', id)
  return parseTree(object.content, repository.hash)
}

/** The tree of a full object id of a tree or commit; null when there is none. */
export async function treeOfObject(repository: Repository, id: string): Promise<string | null> {
  if (!isObjectId(id)) return null
  const header = await repository.info(`${id}^{tree}`)
  return header?.kind === 'tree' ? header.id : null
}

/**
 * The entry at a path given as byte names; null when there is none. A blob on the way ends the search.
 * @throws MissingObjectError
 */
export async function findEntry(
  repository: Repository,
  tree: string,
  names: readonly string[],
): Promise<RawEntry | null> {
  let entry: RawEntry = { name: '', mode: '40000', id: tree }
  for (const name of names) {
    if (!isTree(entry)) return null
    const found: RawEntry | undefined = (await readTree(repository, entry.id)).find((each) => each.name === name)
    if (found === undefined) return null
    entry = found
  }
  return entry
}
