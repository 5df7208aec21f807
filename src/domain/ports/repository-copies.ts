/** The part of the port to the repositories that copies them whole, for a backup. */

import type { ObjectFormat } from './git-store.ts'

/** What is told of a copied repository beside its objects. */
export interface CopiedRepository {
  readonly objectFormat: ObjectFormat
  /** The branch that HEAD names. */
  readonly branch: string
  readonly refs: readonly CopiedRef[]
}

export interface CopiedRef {
  /** The whole name. */
  readonly ref: string
  readonly oid: string
}

export interface RepositoryCopies {
  /**
   * Writes all objects, also those that nothing reaches, as one pack, and lists the references. Work on the repository
   * goes on meanwhile; only what would remove objects waits.
   * @param into is ended when all is written
   * @throws RepositoryMissingError; Error when it is damaged, or something removes objects from it at the moment
   */
  copyOut(projectId: string, into: NodeJS.WritableStream, signal: AbortSignal): Promise<CopiedRepository>
  /** Fills a draft that was created with a copy's format and branch. @throws Error when the copy is damaged */
  copyIn(draft: string, pack: AsyncIterable<Uint8Array>, copy: CopiedRepository, signal: AbortSignal): Promise<void>
}
