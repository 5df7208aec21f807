import type { GitStore } from '../ports/git-store.ts'

/** Some bytes of a file, of whatever size the file is. */
export interface FilePart {
  /** 100644, 100755, or 120000 for a symbolic link, whose content is its target. */
  readonly mode: string
  /** Of the whole file, in bytes. */
  readonly size: number
  readonly content: Buffer
}

/** Which bytes of a file. */
export interface ByteRange {
  readonly offset: number
  readonly limit: number
}

const submoduleMode = '160000'

/** A part of the file that a commit has at a path, read no further than asked for; null when there is no such file. */
export const readFilePart = async (
  git: GitStore,
  projectId: string,
  commit: string,
  path: string,
  { offset, limit }: ByteRange,
): Promise<FilePart | null> => {
  const prefix = Buffer.from(path)
  for await (const { pathBytes, mode, objectId } of git.files(projectId, commit, { prefix })) {
    // By bytes the path itself comes before all that begin with it.
    if (!prefix.equals(pathBytes) || mode === submoduleMode) return null
    for await (const { size, content } of git.contents(projectId, [objectId])) {
      const pieces: Buffer[] = []
      let at = 0
      for await (const piece of content) {
        const from = Math.max(0, offset - at)
        const to = Math.min(piece.length, offset + limit - at)
        if (from < to) pieces.push(piece.subarray(from, to))
        at += piece.length
        if (at >= offset + limit) break
      }
      return { mode, size, content: Buffer.concat(pieces) }
    }
  }
  return null
}
