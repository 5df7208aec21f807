/** The notes brought to a remote: forward only; what only the remote has is taken over first. */

import { RemoteError } from '../../domain/errors.ts'
import type { Remote } from '../../domain/ports/git-store.ts'
import { fetchRef } from './fetch-remote.ts'
import { newObject, serialiseCommit } from './git-objects.ts'
import { findNote, insertNotes, listNotes, type NoteEntry, rememberTrees } from './note-trees.ts'
import { changeNotes, notesRef, notesSignature, notesTree } from './notes.ts'
import { readRef } from './refs.ts'
import { type RemoteContext, withRemote } from './remote-talk.ts'
import { remoteError, safeWords, secretsIn } from './remote-words.ts'
import { MissingObjectError, type Repository } from './repository.ts'
import { writeObjects } from './write-objects.ts'

const words = "evidence's notes"

/** Each try takes over what others pushed meanwhile. */
const mostTries = 5

/** A remote is not trusted with how much there is to read. */
const mostTheirs = 200_000

/** @throws SourceRejectedError, RemoteError, the signal's reason */
export async function pushNotes(context: RemoteContext, remote: Remote, signal: AbortSignal): Promise<void> {
  const { repository } = context
  if ((await readRef(repository, notesRef)) === null) return
  await withRemote(context, remote, signal, async (talk, address) => {
    for (let tries = 1; ; tries += 1) {
      const { exitCode, stdout, stderr } = await talk(
        [
          'push',
          '--porcelain',
          '--no-verify',
          '--no-signed',
          '--end-of-options',
          address.url,
          `${notesRef}:${notesRef}`,
        ],
        { act: 'push to', accept: [0, 1] },
      )
      if (exitCode === 0) return
      const said = `${stdout.toString('utf8')}\n${stderr}`
      const isBehind = /^!\t.*\t\[rejected\] \((fetch first|non-fast-forward)\)/m.test(said)
      if (!isBehind) throw remoteError('push to', address.host ?? address.url, said, remote.credential)
      if (tries === mostTries) {
        throw new RemoteError(
          `The ${words} at the remote change faster than they can be merged.`,
          safeWords(said, secretsIn(remote.credential)),
        )
      }
      await fetchRef(context, talk, address, { ref: notesRef, words }, (theirs) => mergeNotes(repository, theirs))
    }
  })
}

/**
 * Adds the notes that only the other side has. Where both have one for a commit, ours stays: it is what the commit's own
 * trailer names.
 */
async function mergeNotes(repository: Repository, theirs: string): Promise<void> {
  const theirNotes = await readTheirs(repository, theirs)
  await changeNotes(repository, async (head) => {
    if (head === null || head === theirs) return null
    const tree = await notesTree(repository, head)
    const read = rememberTrees(repository)
    const missing: NoteEntry[] = []
    for (const note of theirNotes) if ((await findNote(read, tree, note.commit)) === null) missing.push(note)
    const inserted = missing.length === 0 ? { tree, objects: [] } : await insertNotes(repository, tree, missing)
    const by = notesSignature(new Date())
    const made = newObject(
      repository.hash,
      'commit',
      serialiseCommit({
        tree: inserted.tree,
        parents: [head, theirs],
        message: "Evidence of the remote's commits",
        author: by,
        committer: by,
      }),
    )
    await writeObjects(repository, [...inserted.objects, made])
    return made.id
  })
}

/** @throws RemoteError when it is no tree of notes, or a larger one than is taken over */
async function readTheirs(repository: Repository, theirs: string): Promise<readonly NoteEntry[]> {
  const notes: NoteEntry[] = []
  try {
    const tree = await notesTree(repository, theirs)
    for await (const note of listNotes(repository, tree, mostTheirs)) notes.push(note)
  } catch (error) {
    if (!(error instanceof MissingObjectError || error instanceof RangeError)) throw error
    throw new RemoteError(`The ${words} at the remote cannot be merged: ${error.message}.`, '')
  }
  return notes
}
