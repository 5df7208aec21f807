/** The port to the repositories: one bare repository per project. */

import type { CommitNotes } from './commit-notes.ts'
import type { RepositoryCare } from './repository-care.ts'
import type { RepositoryCopies } from './repository-copies.ts'

export type ObjectFormat = 'SHA1' | 'SHA256'

/** A project's repository is not where it is kept: a fault of the server's store, which whoever asks cannot mend. */
export class RepositoryMissingError extends Error {
  override readonly name = 'RepositoryMissingError'
  constructor(projectId: string) {
    super(`The repository of the project ${projectId} is not there.`)
  }
}

export interface Signature {
  readonly name: string
  readonly email: string
  readonly at: Date
}

export interface TreeEntry {
  readonly path: string
  readonly mode: string
  readonly kind: 'blob' | 'tree' | 'commit'
  readonly objectId: string
  /** In bytes; null for what is not a blob. */
  readonly size: number | null
}

/** What a tree has at a path: a file, a symbolic link (mode 120000) or a submodule (160000). */
export interface TreeFile {
  /** From the root, as the tree has it: not always UTF-8. */
  readonly pathBytes: Buffer
  readonly mode: string
  readonly objectId: string
}

/** Some of a tree's paths, compared byte by byte. */
export interface FileRange {
  /** What the path begins with: a directory's name with its slash, or a part of a name. */
  readonly prefix?: Uint8Array
  readonly after?: Uint8Array | null
  readonly before?: Uint8Array | null
  /** By path; `asc` when left out. */
  readonly order?: 'asc' | 'desc'
}

/** A content to be read before the next one is asked for; what is not read is passed over. */
export interface BlobStream {
  readonly objectId: string
  /** In bytes. */
  readonly size: number
  readonly content: AsyncIterable<Buffer>
}

export interface FileBlob {
  readonly path: string
  readonly mode: string
  readonly objectId: string
  readonly content: Buffer
}

export const changeKinds = ['ADDED', 'MODIFIED', 'DELETED', 'RENAMED', 'COPIED', 'MODE_CHANGED'] as const
export type ChangeKind = (typeof changeKinds)[number]

export interface ChangedFile {
  readonly path: string
  /** Where it came from, for a rename or copy. */
  readonly previousPath: string | null
  readonly kind: ChangeKind
  readonly isBinary: boolean
  readonly additions: number
  readonly deletions: number
  readonly oldMode: string | null
  readonly newMode: string | null
  readonly oldObjectId: string | null
  readonly newObjectId: string | null
  /** This file's part of the patch, as git writes it. */
  readonly patch: string
}

export interface CommitInfo {
  readonly oid: string
  readonly tree: string
  readonly parents: readonly string[]
  readonly message: string
  readonly authorName: string
  readonly authorEmail: string
  readonly authoredAt: Date
}

export interface CommitRequest {
  readonly tree: string
  readonly parents: readonly string[]
  readonly message: string
  readonly author: Signature
  readonly committer: Signature
}

/** A file to write into a tree, or, with null, to remove from it. */
export interface TreeChange {
  readonly path: string
  readonly content: Buffer | null
  /** 100644 (default) or 100755; an existing file keeps its mode when this is absent. */
  readonly mode?: '100644' | '100755'
}

/** What a path has in one tree and not in another: a file, or nothing, where a whole directory may have gone. */
export interface TreeFileChange {
  readonly path: string
  readonly content: Buffer | null
  readonly isExecutable: boolean
}

/** How far two trees may be apart: in changed paths, and in bytes of changed files. */
export interface ChangeBounds {
  readonly files: number
  readonly bytes: number
}

/** One file's part of a patch. */
export interface PatchPart {
  readonly path: string
  /** Applying it alone gives this file's change: text, or git's binary form where the content is no UTF-8. */
  readonly patch: string
}

/** What a three-way merge came to: a tree, or the paths in which both sides alter the same. */
export type MergedChange =
  | { readonly tree: string; readonly conflicts: readonly [] }
  | { readonly tree: null; readonly conflicts: readonly string[] }

export interface AppliedPatch {
  /** The base tree with the patch applied. */
  readonly tree: string
  /** The text that was applied: normalised line end of the last line. */
  readonly content: string
}

/**
 * What opens a remote. It reaches git by its environment alone; an ssh key is in a file for as long as ssh runs.
 * The user is for HTTP's basic authentication.
 */
export type RemoteCredential =
  | { readonly kind: 'TOKEN'; readonly user: string; readonly token: string }
  | { readonly kind: 'SSH_KEY'; readonly privateKey: string }

export interface Remote {
  readonly url: string
  readonly credential: RemoteCredential | null
}

/** Not landed: the remote's branch has commits that the pushed history lacks. */
export type PushedCommit = { readonly landed: true } | { readonly landed: false; readonly details: string }

export interface ImportedHead {
  readonly branch: string
  readonly head: string
}

export interface GitStore extends RepositoryCare, RepositoryCopies, CommitNotes {
  /** The path of a project's bare repository, for messages to people. */
  directory(projectId: string): string
  /**
   * A name for a repository that is being made: it stands for a project's id until `publish`, and nobody else has it.
   * What a killed process leaves of one is swept.
   */
  newDraft(): string
  /** Makes the bare repository; one of that name is replaced. */
  create(draft: string, options: { objectFormat: ObjectFormat; branch: string }): Promise<void>
  /**
   * Gives a finished draft its project's name, in one step. A project's repository is never replaced: whoever comes
   * late, after a pause as long as you like, destroys nothing.
   * @returns false when the project has a repository already; the draft is then left as it is
   */
  publish(draft: string, projectId: string): Promise<boolean>
  /** The branch that a new repository begins with; null when the project has no repository yet. */
  firstBranch(projectId: string): Promise<ImportedHead | null>
  /** Nothing happens when it is not there. */
  remove(draft: string): Promise<void>

  /** Writes these files as one pack and a first commit on the branch. Files may be none: an empty root commit. */
  importFiles(
    projectId: string,
    files: Iterable<{ path: string; mode: '100644' | '100755'; content: Buffer }>,
    commit: { branch: string; message: string; author: Signature },
  ): Promise<string>
  /**
   * A tar or tar.gz archive as the first commit. A single top directory is stripped.
   * @throws SourceRejectedError for links, devices, unsafe or duplicate names, or more than the limits
   */
  importArchive(
    projectId: string,
    archive: AsyncIterable<Uint8Array>,
    commit: { branch: string; message: string; author: Signature },
  ): Promise<string>
  /**
   * A tar or tar.gz archive as a commit without parents beside what the repository has. It moves no ref: the caller
   * keeps the commit. A refused archive leaves nothing.
   * @throws SourceRejectedError as importArchive does
   */
  storeArchive(
    projectId: string,
    archive: AsyncIterable<Uint8Array>,
    commit: { message: string; author: Signature },
  ): Promise<string>
  /**
   * Fetches a remote's branch (its default one if none is named) into the repository.
   * @throws SourceRejectedError for a URL that configuration does not allow
   * @throws RemoteError when git could not fetch it
   */
  importRemote(
    projectId: string,
    remote: Remote,
    branch: string | undefined,
    signal: AbortSignal,
  ): Promise<ImportedHead>
  /**
   * Fetches a remote's branch beside the project's own, and keeps its commit for as long as `use` runs.
   * @throws SourceRejectedError, RemoteError
   */
  fetchRemote<Result>(
    projectId: string,
    remote: Remote,
    branch: string,
    signal: AbortSignal,
    use: (oid: string) => Promise<Result>,
  ): Promise<Result>
  /**
   * Puts a commit and its history on a remote's branch, never by force.
   * @throws SourceRejectedError, RemoteError for everything but a branch that has gone another way
   */
  push(projectId: string, remote: Remote, branch: string, oid: string, signal: AbortSignal): Promise<PushedCommit>

  /** The commit a branch points to; null when there is no such branch. */
  branchHead(projectId: string, branch: string): Promise<string | null>
  /** Resolves a revision that a user named (branch, tag or object id, checked for shape) to a commit; null when there is none. */
  resolveCommit(projectId: string, revision: string): Promise<string | null>
  commitInfo(projectId: string, oid: string): Promise<CommitInfo | null>
  /** Newest first; `skip` and `limit` page. */
  log(projectId: string, from: string, page: { skip: number; limit: number }): Promise<readonly CommitInfo[]>
  treeOf(projectId: string, commit: string): Promise<string>
  /** One level of a directory of a tree (or commit); empty when there is no such directory. */
  entries(projectId: string, treeish: string, path: string): Promise<readonly TreeEntry[]>
  /** Every blob below, with paths from the root. */
  listFiles(projectId: string, treeish: string): Promise<readonly TreeEntry[]>
  /** Everything below but directories, in the order of the paths' bytes, read as far as it is asked for. */
  files(projectId: string, treeish: string, range?: FileRange): AsyncIterable<TreeFile>
  /** The contents of these blobs, in this order, by one process and never in memory as a whole. */
  contents(projectId: string, objectIds: readonly string[]): AsyncIterable<BlobStream>
  readFile(projectId: string, treeish: string, path: string): Promise<FileBlob | null>
  /** The same file's content alone, which is found faster. */
  readContent(projectId: string, treeish: string, path: string): Promise<Buffer | null>
  readBlob(projectId: string, objectId: string): Promise<Buffer | null>
  /** Those of the commits that the history of `head` has, itself among them. */
  containedCommits(projectId: string, head: string, oids: readonly string[]): Promise<readonly string[]>
  /** True when the branch's history has the commit. */
  branchContains(projectId: string, branch: string, oid: string): Promise<boolean>

  /** The tree with these changes made; only touched directories are rewritten. Paths pass the same check as a patch's. */
  changeTree(projectId: string, tree: string, changes: readonly TreeChange[]): Promise<string>
  /** What differs between two trees, renames found, from the trees themselves. */
  changedFiles(projectId: string, fromTree: string, toTree: string): Promise<readonly ChangedFile[]>
  /**
   * What has to be taken out and written where the files of one tree are, to have those of another; read at the cost of
   * what differs. Null when that is more than the bounds, or not to be said in plain files with names in UTF-8.
   */
  treeChanges(
    projectId: string,
    fromTree: string,
    toTree: string,
    bounds: ChangeBounds,
  ): Promise<readonly TreeFileChange[] | null>
  /** The patch from one tree to another, `--binary --full-index`, as the patch engine takes it. */
  patchBetween(projectId: string, fromTree: string, toTree: string): Promise<string>
  /** The same in parts, in the order of `changedFiles`. */
  patchParts(projectId: string, fromTree: string, toTree: string): Promise<readonly PatchPart[]>
  /**
   * Applies a patch to a tree without a work tree, all or nothing.
   * @throws PatchRejectedError
   */
  applyPatch(projectId: string, baseTree: string, patch: string): Promise<AppliedPatch>

  /**
   * What a change, from its base commit's tree to `tree`, makes of another commit: a three-way merge in memory.
   * Attributes and configuration of the project take no part.
   */
  mergeChange(
    projectId: string,
    change: { readonly base: string; readonly tree: string },
    onto: string,
  ): Promise<MergedChange>

  /** Writes a commit object; the same request gives the same id. Moves no ref. */
  writeCommit(projectId: string, request: CommitRequest): Promise<string>
  /**
   * Moves a branch from one commit to another in one step; false when it was not at `from`, or git ended before it could
   * say so: whether the branch reaches the commit tells.
   */
  moveBranch(projectId: string, branch: string, from: string, to: string): Promise<boolean>
  /** Keeps a commit under refs/countersign/<kind>/<id>. */
  keep(projectId: string, kind: KeptKind, id: string, commit: string): Promise<void>
  release(projectId: string, kind: KeptKind, id: string): Promise<void>

  /** Writes a tree's files into an empty directory, for this user of the machine. The directory gets no .git. */
  materialize(projectId: string, tree: string, directory: string, owner?: FileOwner | null): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** By number; only root can give files away. */
export interface FileOwner {
  readonly uid: number
  readonly gid: number
}

export type KeptKind = 'candidates' | 'checkpoints' | 'diffs' | 'versions'
