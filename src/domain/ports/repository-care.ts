/** The part of the port to the repositories that keeps them small, and finds what is wrong with them. */

/** A reference that keeps a commit for a row. */
export interface KeptRef {
  /** The whole name, refs/countersign/<kind>/<id>. */
  readonly ref: string
  /** What stands between the slashes; not checked. */
  readonly kind: string
  readonly id: string
  readonly oid: string
}

/** What makes a repository slow: packing brings it down. */
export interface Clutter {
  readonly looseObjects: number
  readonly packs: number
}

export interface PackOptions {
  /** What nothing reaches is removed when it was last written before this. */
  readonly expireBefore: Date
  /** For each of the steps, in milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface RepositoryCare {
  /** About how many loose objects there are, told from one directory of 256, and how many packs. No process is started. */
  clutter(projectId: string): Promise<Clutter>
  /**
   * Packs objects and references, and removes what nothing reaches, what was left half-written, and the locks of
   * processes that are gone. Reading and writing go on meanwhile. What is removed was found unreached at least twice,
   * or is a loose object that nobody wrote again.
   * @throws Error when a step fails, for example on a broken repository: then nothing more is removed
   */
  pack(projectId: string, options: PackOptions): Promise<void>
  /**
   * Keeps trees that rows alone speak of; those that were held before and are not named again are let go.
   * @returns the trees that are not there
   */
  holdTrees(projectId: string, pages: AsyncIterable<readonly string[]>): Promise<readonly string[]>

  /** Every commit that is kept for a row, whatever the kind. */
  keptRefs(projectId: string): Promise<readonly KeptRef[]>
  /** When a reference was made, at the latest. Null when it is gone. */
  keptSince(projectId: string, ref: KeptRef): Promise<Date | null>
  /** Releases references that still point where they did; all of them or none. */
  releaseRefs(projectId: string, refs: readonly KeptRef[]): Promise<void>

  /** What kind of object this is; null when it is not there or cannot be read. */
  objectKind(projectId: string, id: string): Promise<'blob' | 'tree' | 'commit' | 'tag' | null>
  /** The objects that are missing below trees which are there, as far as no reference reaches them. */
  missingBelow(projectId: string, trees: readonly string[]): Promise<readonly string[]>
  /**
   * git's own check of every object and of what the references reach.
   * @returns its findings, a line each; none when the repository is sound
   * @throws the signal's reason
   */
  verify(projectId: string, signal: AbortSignal): Promise<readonly string[]>
}
