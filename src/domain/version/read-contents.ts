import type { GitStore } from '../ports/git-store.ts'
import { listContents } from './manifest.ts'
import type { VersionRow } from './version.entity.ts'

export interface VersionFile {
  /** Text that is not UTF-8 is shown with replacement characters. */
  readonly path: string
  /** 100644, 100755, or 120000 for a symbolic link, whose content is its target. */
  readonly mode: string
  /** In bytes. */
  readonly size: number
  readonly content: AsyncIterable<Buffer>
}

/** A version's files with their contents, by path: each has to be read before the next one is asked for. */
export async function* readContents(
  git: GitStore,
  { projectId, tree }: Pick<VersionRow, 'projectId' | 'tree'>,
): AsyncGenerator<VersionFile> {
  const files = await listContents(git, projectId, tree)
  const left = files.values()
  for await (const { size, content } of git.contents(
    projectId,
    files.map((file) => file.objectId),
  )) {
    const { value: file } = left.next()
    if (file) yield { path: file.pathBytes.toString('utf8'), mode: file.mode, size, content }
  }
}
