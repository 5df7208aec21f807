import type { KeptRef } from '../ports/repository-care.ts'
import type { Services } from '../shared/services.ts'
import { withoutRow } from './kept-rows.ts'

const batch = 500

/**
 * References that were made before a date and that no row needs: the process that made them died, or the row was
 * deleted. The references are listed first, so that no row comes too late to be seen.
 */
export const orphanedRefs = async (
  { em, git }: Pick<Services, 'em' | 'git'>,
  projectId: string,
  madeBefore: Date,
): Promise<readonly KeptRef[]> => {
  const orphans: KeptRef[] = []
  for (const ref of await withoutRow(em, projectId, await git.keptRefs(projectId))) {
    const since = await git.keptSince(projectId, ref)
    if (since !== null && since < madeBefore) orphans.push(ref)
  }
  return orphans
}

/** Releases references that no row needs. @returns how many */
export const sweepRefs = async (
  services: Pick<Services, 'em' | 'git'>,
  projectId: string,
  madeBefore: Date,
): Promise<number> => {
  const orphans = await orphanedRefs(services, projectId, madeBefore)
  for (let at = 0; at < orphans.length; at += batch) {
    await services.git.releaseRefs(projectId, orphans.slice(at, at + batch))
  }
  return orphans.length
}
