import type { FileRange, TreeFile } from '../ports/git-store.ts'
import type { Services } from '../shared/services.ts'
import { digestsOf } from './blob-digests.ts'
import { isContent, type ManifestEntry, toEntry } from './manifest.ts'
import type { VersionRow } from './version.entity.ts'

/** Some of a version's entries by path; only what is asked for is listed and looked up. */
export const pageEntries = async (
  services: Pick<Services, 'em' | 'git'>,
  { projectId, tree }: Pick<VersionRow, 'projectId' | 'tree'>,
  range: FileRange,
  limit: number,
): Promise<ManifestEntry[]> => {
  const files: TreeFile[] = []
  if (limit <= 0) return []
  for await (const file of services.git.files(projectId, tree, range)) {
    if (isContent(file)) files.push(file)
    if (files.length === limit) break
  }
  const digests = await digestsOf(
    services,
    projectId,
    files.map((file) => file.objectId),
  )
  return files.map((file) => toEntry(file, digests))
}
