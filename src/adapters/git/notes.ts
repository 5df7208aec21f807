/** Notes beside commits: written by compare-and-swap, so that of any number of writers none loses another's. */

import { type CommitNote, noteLimit } from '../../domain/ports/commit-notes.ts'
import type { Signature } from '../../domain/ports/git-store.ts'
import { isObjectId, newObject, parseCommit, serialiseCommit } from './git-objects.ts'
import { findNote, insertNotes, rememberTrees } from './note-trees.ts'
import { readRef, swapRef } from './refs.ts'
import { MissingObjectError, type Repository } from './repository.ts'
import { writeObjects } from './write-objects.ts'

/** `git notes --ref=countersign` reads and `git fetch REMOTE refs/notes/countersign:refs/notes/countersign` brings it. */
export const notesRef = 'refs/notes/countersign'

/** Who makes the commits of notes. */
export const notesSignature = (at: Date): Signature => ({ name: 'Countersign', email: 'countersign@localhost', at })

/** Whoever loses a swap has seen another writer win, so that only a repository that cannot be written comes so far. */
const mostTries = 10_000

/** @throws GitCommandError, MissingObjectError */
export async function addNote(repository: Repository, commit: string, content: Buffer, at: Date): Promise<void> {
  if (!isObjectId(commit)) throw new TypeError('a note is of a commit, named by its full id')
  if (content.length > noteLimit) throw new RangeError(`a note has at most ${noteLimit} bytes`)
  const blob = newObject(repository.hash, 'blob', content)
  await changeNotes(repository, async (head) => {
    const tree = head === null ? null : await notesTree(repository, head)
    if (tree !== null && (await findNote(rememberTrees(repository), tree, commit)) === blob.id) return null
    const inserted = await insertNotes(repository, tree, [{ commit, blob: blob.id }])
    const made = newObject(
      repository.hash,
      'commit',
      serialiseCommit({
        tree: inserted.tree,
        parents: head === null ? [] : [head],
        message: `Evidence of ${commit}`,
        author: notesSignature(at),
        committer: notesSignature(at),
      }),
    )
    await writeObjects(repository, [blob, ...inserted.objects, made])
    return made.id
  })
}

/**
 * Moves the notes from where they are to what `change` makes of it, again and again until nobody came between.
 * @param change gives the new commit; null when there is nothing to do
 */
export async function changeNotes(
  repository: Repository,
  change: (head: string | null) => Promise<string | null>,
): Promise<void> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const head = await readRef(repository, notesRef)
    const next = await change(head)
    if (next === null || (await swapRef(repository, notesRef, head, next))) return
  }
  throw new Error(`the notes of ${repository.directory} could not be moved`)
}

/** In the order of the commits; null for one that has no note. @throws MissingObjectError */
export async function readNotes(
  repository: Repository,
  head: string | null,
  commits: readonly string[],
): Promise<readonly (CommitNote | null)[]> {
  if (head === null || commits.length === 0) return commits.map(() => null)
  const tree = await notesTree(repository, head)
  const read = rememberTrees(repository)
  return await Promise.all(
    commits.map(async (commit) => {
      const blob = await findNote(read, tree, commit)
      if (blob === null) return null
      const header = await repository.info(blob)
      if (header?.kind !== 'blob') throw new MissingObjectError('blob', blob)
      if (header.size > noteLimit) return { size: header.size, content: null }
      const object = await repository.contents(blob)
      if (object === null) throw new MissingObjectError('blob', blob)
      return { size: object.size, content: object.content }
    }),
  )
}

/** @throws MissingObjectError */
export async function notesTree(repository: Repository, head: string): Promise<string> {
  const object = await repository.contents(head)
  if (object?.kind !== 'commit') throw new MissingObjectError('commit', head)
  return parseCommit(object.id, object.content).tree
}
