import { DamagedObjectError, type ForeignRepository } from '../ports/commit-notes.ts'
import type { CommitInfo } from '../ports/git-store.ts'
import type { Statement } from './statement.ts'
import { type EvidenceFaultCode, verifyEvidence } from './verify-evidence.ts'

/** What came of verifying a commit. */
export interface VerifiedCommit {
  readonly oid: string
  /** The first line of its message. */
  readonly subject: string
  /** Why its evidence proves nothing; none when it holds. */
  readonly faults: readonly { readonly code: EvidenceFaultCode | 'DAMAGED'; readonly words: string }[]
  /** Null unless it is signed with the trusted key. */
  readonly statement: Statement | null
  /** How many directories and files were compared with their names; none where the evidence does not hold. */
  readonly objects: number
}

const subjectOf = ({ message }: CommitInfo): string => message.split('\n', 1)[0] ?? ''

/**
 * Verifies a commit in a clone: its evidence, and that everything in it is what its id says. Needs no server.
 * @param keyId the SHA-256 of the public key that is trusted
 * @returns null when there is no such commit
 * @throws Error when git cannot work at all
 */
export const verifyCommit = async (
  repository: ForeignRepository,
  revision: string,
  keyId: string,
): Promise<VerifiedCommit | null> => {
  const oid = await repository.resolve(revision)
  if (oid === null) return null
  let commit: CommitInfo | null = null
  try {
    commit = await repository.commit(oid)
    if (commit === null) return null
    const subject = subjectOf(commit)
    const [note = null] = await repository.notes([oid])
    const { faults, statement } = await verifyEvidence(repository, commit, note, keyId, { contents: true })
    const objects = faults.length === 0 ? await repository.checkTree(commit.tree) : 0
    return { oid, subject, faults, statement, objects }
  } catch (error) {
    if (!(error instanceof DamagedObjectError)) throw error
    const words = `The repository is damaged or incomplete: ${error.message}.`
    const subject = commit === null ? '' : subjectOf(commit)
    return { oid, subject, faults: [{ code: 'DAMAGED', words }], statement: null, objects: 0 }
  }
}
