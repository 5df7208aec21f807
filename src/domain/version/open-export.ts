import { NotFoundError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { readVersion } from './find-version.ts'
import { isContent, type ManifestEntry } from './manifest.ts'
import { sealedEntries } from './sealed-entries.ts'

/** What is needed to write a version to a disk and to compare it. */
export interface VersionExport {
  readonly manifestHash: string
  readonly fileCount: number
  /** In bytes. */
  readonly totalBytes: number
  /** @throws Error when they are not those that the version was made with */
  entries(): Promise<readonly ManifestEntry[]>
  /** What has no content here. */
  submodules(): Promise<readonly string[]>
  /** Writes the files into an empty directory. @throws Error when the repository cannot be read */
  write(directory: string): Promise<void>
}

/** @throws NotFoundError */
export const openExport = async (stores: Pick<Services, 'em' | 'git'>, id: string): Promise<VersionExport> => {
  const { git } = stores
  const version = await readVersion(stores.em(), id)
  if (!version) throw new NotFoundError('version', id)
  const { projectId, tree, manifestHash, fileCount, totalBytes } = version
  return {
    manifestHash,
    fileCount,
    totalBytes,
    entries: () => sealedEntries(stores, version),
    async submodules() {
      const paths: string[] = []
      for await (const file of git.files(projectId, tree)) {
        if (!isContent(file)) paths.push(file.pathBytes.toString('utf8'))
      }
      return paths
    },
    async write(directory) {
      try {
        await git.materialize(projectId, tree, directory)
      } catch (error) {
        throw new Error(
          `Version ${id} cannot be read from ${git.directory(projectId)}. \`countersign fsck\` says what is damaged.`,
          { cause: error },
        )
      }
    },
  }
}
