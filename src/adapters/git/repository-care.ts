/** The care for the repositories, put together from its parts. */

import type { RepositoryCare } from '../../domain/ports/repository-care.ts'
import { missingBelow, objectKind, verify } from './fsck.ts'
import { holdTrees, keptRefs, keptSince, releaseRefs } from './kept-refs.ts'
import { clutterOf, packRepository } from './pack-repository.ts'
import type { Repository } from './repository.ts'

export function createRepositoryCare(
  directoryOf: (projectId: string) => string,
  open: (projectId: string) => Promise<Repository>,
): RepositoryCare {
  return {
    clutter: (projectId) => clutterOf(directoryOf(projectId)),
    pack: async (projectId, options) => packRepository(await open(projectId), options),
    holdTrees: async (projectId, pages) => holdTrees(await open(projectId), pages),
    keptRefs: async (projectId) => keptRefs(await open(projectId)),
    keptSince: async (projectId, ref) => keptSince(await open(projectId), ref),
    releaseRefs: async (projectId, refs) => releaseRefs(await open(projectId), refs),
    objectKind: async (projectId, id) => objectKind(await open(projectId), id),
    missingBelow: async (projectId, trees) => missingBelow(await open(projectId), trees),
    verify: async (projectId, signal) => verify(await open(projectId), signal),
  }
}
