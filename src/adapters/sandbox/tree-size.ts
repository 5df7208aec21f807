import { lstat, readdir } from 'node:fs/promises'

const PAGE_BYTES = 4096

export interface TreeSize {
  /** As a file system in memory would hold them. */
  readonly bytes: number
  /** Files, directories and links below. */
  readonly entries: number
}

/** What lies below a directory; what goes away meanwhile, or cannot be opened, is not counted. */
export async function treeSize(directory: string | Buffer): Promise<TreeSize> {
  const top = Buffer.from(directory)
  let bytes = 0
  let entries = 0
  const pending = [top]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of await readdir(at, { withFileTypes: true, encoding: 'buffer' }).catch(() => [])) {
      const path = Buffer.concat([at, Buffer.from('/'), entry.name])
      entries++
      if (entry.isDirectory()) pending.push(path)
      // Blocks, not length: a sparse file takes what was written.
      else bytes += Math.max(PAGE_BYTES, ((await lstat(path).catch(() => null))?.blocks ?? 0) * 512)
    }
  }
  return { bytes, entries }
}
