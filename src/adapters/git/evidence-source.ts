/** What evidence is checked against, of one repository. */

import type { EvidenceSource } from '../../domain/ports/commit-notes.ts'
import { changeDigest, type ReadBlobs } from './change-digest.ts'
import { isObjectId, newObject, parseCommit, serialiseCommit } from './git-objects.ts'
import { notesRef, readNotes } from './notes.ts'
import { readRef } from './refs.ts'
import type { Repository } from './repository.ts'

export function createEvidenceSource(repository: Repository, readBlobs: ReadBlobs): EvidenceSource {
  return {
    async commit(oid) {
      const object = isObjectId(oid) ? await repository.contents(oid) : null
      return object?.kind === 'commit' ? parseCommit(object.id, object.content) : null
    },
    notes: async (commits) => await readNotes(repository, await readRef(repository, notesRef), commits),
    commitId: (request) => newObject(repository.hash, 'commit', serialiseCommit(request)).id,
    changeDigest: (fromTree, toTree) => changeDigest(repository, readBlobs, fromTree, toTree),
  }
}
