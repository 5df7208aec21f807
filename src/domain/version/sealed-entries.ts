import type { Services } from '../shared/services.ts'
import { type ManifestEntry, manifestEntries, summarize } from './manifest.ts'
import type { VersionRow } from './version.entity.ts'

/**
 * The entries of a version's manifest, which are those that it was made with.
 * @throws Error when their hash is not the one that was stored then, or the repository cannot be read
 */
export const sealedEntries = async (
  services: Pick<Services, 'em' | 'git'>,
  version: Pick<VersionRow, 'id' | 'projectId' | 'tree' | 'manifestHash'>,
): Promise<ManifestEntry[]> => {
  const entries = await manifestEntries(services, version.projectId, version.tree)
  const { hash } = summarize(entries)
  if (hash !== version.manifestHash) {
    throw new Error(
      `The manifest of version ${version.id} is ${hash}, and was ${version.manifestHash} when it was made: its rows or its repository were changed. \`countersign fsck\` says which.`,
    )
  }
  return entries
}
