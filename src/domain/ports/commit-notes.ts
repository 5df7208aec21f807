/** The part of the port to the repositories that keeps evidence beside commits, and reads again what it speaks of. */

import type { CommitInfo, CommitRequest, Remote } from './git-store.ts'

/** What stands beside a commit. */
export interface CommitNote {
  /** In bytes. */
  readonly size: number
  /** Null when it is larger than any that is written here. */
  readonly content: Buffer | null
}

/** In bytes; what is written stays below, whatever people call themselves and their tests. */
export const noteLimit = 4 * 1024 * 1024

/** An object is not there, cannot be read, or has other bytes than those that it is named by; the message says which. */
export class DamagedObjectError extends Error {
  override readonly name = 'DamagedObjectError'
}

/** What evidence is checked against: a project's repository, or anybody's clone. */
export interface EvidenceSource {
  /** Null when there is no such commit. */
  commit(oid: string): Promise<CommitInfo | null>
  /** In the order of the commits; null for one without a note. The reference is read once. */
  notes(commits: readonly string[]): Promise<readonly (CommitNote | null)[]>
  /** The id that this commit has; nothing is written. */
  commitId(request: CommitRequest): string
  /**
   * SHA-256 over what differs between two trees. For each path in the order of its bytes: `<mode> <content>` before,
   * `<mode> <content>` after, the path and a NUL, with a space between any two. A content is its SHA-256 (a symbolic
   * link's is its target), of a submodule the commit; where there is nothing, the mode is 000000 and the content `-`.
   * @throws DamagedObjectError; Error when an object is not there
   */
  changeDigest(fromTree: string, toTree: string): Promise<string>
}

/** Somebody's repository: read, never written, and not believed. Every object is compared with the id that names it. */
export interface ForeignRepository extends EvidenceSource {
  /** The commit that a person's words name, as git reads them; null when there is none. */
  resolve(revision: string): Promise<string | null>
  /** Reads everything that a tree holds. @returns how many objects it has @throws DamagedObjectError */
  checkTree(tree: string): Promise<number>
}

export interface CommitNotes {
  evidenceSource(projectId: string): Promise<EvidenceSource>
  /**
   * Puts a note beside a commit, under refs/notes/countersign, by compare-and-swap: of any number of writers at once
   * none is lost. The same note again changes nothing; another one is replaced.
   * @param at the date of the commit that adds the note
   */
  addNote(projectId: string, commit: string, content: Buffer, at: Date): Promise<void>
  /**
   * Brings the notes to a remote, never by force. Notes that only the remote has are taken over first; where both have
   * one for the same commit, the one here counts. Nothing happens when there are none.
   * @throws SourceRejectedError, RemoteError, the signal's reason
   */
  pushNotes(projectId: string, remote: Remote, signal: AbortSignal): Promise<void>
}
