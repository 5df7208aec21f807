import { z } from 'zod'
import { requestOf } from '../commit/commit-request.ts'
import { evidenceHashOf } from '../commit-message/commit-message.ts'
import { type CommitNote, type EvidenceSource, noteLimit } from '../ports/commit-notes.ts'
import type { CommitInfo, Signature } from '../ports/git-store.ts'
import { sha256 } from '../shared/canonical-hash.ts'
import { statedApproval } from './check-approval.ts'
import { type Envelope, isOfKey, isSigned, openEnvelope, payloadOf } from './envelope.ts'
import { type Statement, statementShape } from './statement.ts'

/** Why a commit's evidence proves nothing. */
export type EvidenceFaultCode =
  | 'NO_EVIDENCE'
  | 'NO_NOTE'
  | 'NOTE_TOO_LARGE'
  | 'NOTE_CHANGED'
  | 'NO_ENVELOPE'
  | 'OTHER_KEY'
  | 'BAD_SIGNATURE'
  | 'NO_STATEMENT'
  | 'OTHER_COMMIT'
  | 'OTHER_BASE'
  | 'OTHER_CHANGE'
  | 'NOT_APPROVED'

export interface EvidenceFault {
  readonly code: EvidenceFaultCode
  /** A sentence, with what was found in it. */
  readonly words: string
}

/** What was found beside a commit. */
export interface CheckedEvidence {
  /** None: the evidence holds. */
  readonly faults: readonly EvidenceFault[]
  readonly envelope: Envelope | null
  readonly statement: Statement | null
}

const fault = (code: EvidenceFaultCode, words: string): EvidenceFault => ({ code, words })

const refused = (code: EvidenceFaultCode, words: string, envelope: Envelope | null = null): CheckedEvidence => ({
  faults: [fault(code, words)],
  envelope,
  statement: null,
})

/** What a note and a commit's message say alone, without the repository. @param keyId the key that is trusted */
const openNote = (message: string, note: CommitNote | null, keyId: string): CheckedEvidence => {
  const named = evidenceHashOf(message)
  if (named === null) return refused('NO_EVIDENCE', 'The commit has no trailer Countersign-Evidence.')
  if (note === null) return refused('NO_NOTE', 'There is no note for the commit under refs/notes/countersign.')
  if (note.content === null) {
    return refused('NOTE_TOO_LARGE', `The note has ${note.size} bytes; none has more than ${noteLimit}.`)
  }
  const found = sha256(note.content)
  const envelope = openEnvelope(note.content)
  if (found !== named) {
    return refused('NOTE_CHANGED', `The note has the SHA-256 ${found}, and the commit names ${named}.`, envelope)
  }
  if (envelope === null) return refused('NO_ENVELOPE', 'The note is no DSSE envelope with one signature.')
  if (!isOfKey(envelope, keyId)) {
    return refused('OTHER_KEY', `It was signed with the key ${sha256(envelope.publicKey)}, not ${keyId}.`, envelope)
  }
  if (!isSigned(envelope)) return refused('BAD_SIGNATURE', 'The signature is not of this statement.', envelope)
  const parsed = statementShape.safeParse(payloadOf(envelope))
  if (parsed.success) return { faults: [], envelope, statement: parsed.data }
  const where = z
    .prettifyError(parsed.error)
    .replaceAll(/\s*\n\s*/g, ' ')
    .slice(0, 500)
  return refused('NO_STATEMENT', `The signed statement is not one that this version can judge: ${where}`, envelope)
}

const dated = ({ name, email, at }: { name: string; email: string; at: string }): Signature => ({
  name,
  email,
  at: new Date(at),
})

/** The parts of the commit in which it is not what the statement says. */
const differences = (source: EvidenceSource, { predicate, subject }: Statement, commit: CommitInfo, note: string) => {
  const { reviewers } = statedApproval(predicate)
  const stated = requestOf(predicate.commit, { diffId: predicate.diff.id, reviewers, evidenceHash: note })
  const request = { ...stated, author: dated(stated.author), committer: dated(stated.committer) }
  const [tree, , patch] = subject
  const parts = [
    ...(stated.tree === commit.tree && tree.digest.gitTree === commit.tree ? [] : ['tree']),
    ...(stated.parents.join() === commit.parents.join() ? [] : ['parents']),
    ...(stated.message.trimEnd() === commit.message.trimEnd() ? [] : ['message or trailers']),
    ...(patch.digest.sha256 === predicate.diff.contentHash ? [] : ['patch']),
  ]
  // The id covers every byte of the commit: what is left are people, dates, and headers that none of ours has.
  return parts.length === 0 && source.commitId(request) !== commit.oid ? ['author, committer or dates'] : parts
}

/** The commit that the change is based on, by the repository. */
const baseFaults = async (source: EvidenceSource, { predicate }: Statement): Promise<readonly EvidenceFault[]> => {
  const { base, commit } = predicate
  if (commit.parents.join() !== base.commit) {
    return [fault('OTHER_BASE', `The statement is of a change of ${base.commit}, which is not the commit's parent.`)]
  }
  const parent = await source.commit(base.commit)
  if (parent === null) {
    const words = `The parent ${base.commit} is not in the repository. A shallow clone has too little: git fetch --unshallow.`
    return [fault('OTHER_BASE', words)]
  }
  return parent.tree === base.tree
    ? []
    : [fault('OTHER_BASE', `The parent has the tree ${parent.tree}, and ${base.tree} in the statement.`)]
}

const changeFaults = async (source: EvidenceSource, statement: Statement): Promise<readonly EvidenceFault[]> => {
  const { base, commit } = statement.predicate
  const found = await source.changeDigest(base.tree, commit.tree)
  const stated = statement.subject[1].digest.sha256
  return found === stated
    ? []
    : [fault('OTHER_CHANGE', `The contents that change have the SHA-256 ${found}, and ${stated} in the statement.`)]
}

/**
 * Whether what is beside a commit was signed with a key, is of this very commit, and shows that the policy was satisfied.
 * The signer is believed in what it says of people, tests and costs; all that the repository can tell is compared.
 * @param keyId the SHA-256 of the public key that is trusted
 * @param options.contents also reads everything that the commit changes, and not only what names it
 * @throws DamagedObjectError, Error when the repository cannot be read
 */
export const verifyEvidence = async (
  source: EvidenceSource,
  commit: CommitInfo,
  note: CommitNote | null,
  keyId: string,
  options: { readonly contents: boolean },
): Promise<CheckedEvidence> => {
  const opened = openNote(commit.message, note, keyId)
  const { statement } = opened
  if (statement === null || !note?.content) return opened
  const parts = differences(source, statement, commit, sha256(note.content))
  if (parts.length > 0) {
    const words = `The statement is of another commit: it differs in ${parts.join(', ')}.`
    return { ...opened, faults: [fault('OTHER_COMMIT', words)] }
  }
  const { missing } = statedApproval(statement.predicate)
  const ofBase = await baseFaults(source, statement)
  const faults = [
    ...ofBase,
    ...(options.contents && ofBase.length === 0 ? await changeFaults(source, statement) : []),
    ...missing.map((words) => fault('NOT_APPROVED', `By the statement, the policy still asked for: ${words}.`)),
  ]
  return { ...opened, faults }
}
