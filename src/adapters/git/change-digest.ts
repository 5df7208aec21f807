/** What differs between two trees as one hash of contents, which does not rest on the repository's own hash. */

import { createHash } from 'node:crypto'
import { DamagedObjectError } from '../../domain/ports/commit-notes.ts'
import type { BlobStream } from '../../domain/ports/git-store.ts'
import { differingEntries } from './compare-trees.ts'
import { type HashName, kindOfMode, type RawEntry } from './git-objects.ts'
import type { Repository } from './repository.ts'

export type ReadBlobs = (ids: readonly string[]) => AsyncIterable<BlobStream>

/** As the port says. @throws DamagedObjectError, MissingObjectError, GitCommandError */
export async function changeDigest(
  repository: Repository,
  read: ReadBlobs,
  fromTree: string,
  toTree: string,
): Promise<string> {
  const changes = (await differingEntries(repository, fromTree, toTree)).toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const blobs = changes
    .flatMap(({ before, after }) => [before, after])
    .filter((entry) => entry !== null && kindOfMode(entry.mode) === 'blob')
    .map((entry) => entry?.id ?? '')
  const contents = await contentHashes(repository.hash, read, blobs)
  const side = (entry: RawEntry | null): string =>
    entry === null ? '000000 -' : `${entry.mode.padStart(6, '0')} ${contents.get(entry.id) ?? entry.id}`
  const digest = createHash('sha256')
  for (const { path, before, after } of changes) {
    digest.update(`${side(before)} ${side(after)} ${path}\0`, 'latin1')
  }
  return digest.digest('hex')
}

export const otherBytes = (kind: string, id: string): DamagedObjectError =>
  new DamagedObjectError(`the bytes of the ${kind} ${id} are not those that it is named by`)

/**
 * The SHA-256 of each blob's content. Each content is compared with the id that names it as it is read.
 * @throws DamagedObjectError, MissingObjectError, GitCommandError
 */
export async function contentHashes(
  hash: HashName,
  read: ReadBlobs,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>()
  for await (const { objectId, size, content } of read([...new Set(ids)])) {
    const named = createHash(hash).update(`blob ${size}\0`)
    const sha256 = createHash('sha256')
    for await (const piece of content) {
      named.update(piece)
      sha256.update(piece)
    }
    if (named.digest('hex') !== objectId) throw otherBytes('blob', objectId)
    hashes.set(objectId, sha256.digest('hex'))
  }
  return hashes
}
