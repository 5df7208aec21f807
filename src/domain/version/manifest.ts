import { createHash } from 'node:crypto'
import type { GitStore, TreeFile } from '../ports/git-store.ts'
import type { Services } from '../shared/services.ts'
import { type Digests, digestContents, digestsOf } from './blob-digests.ts'

/** What a version holds, in one hash. */
export interface Manifest {
  /** See manifestHash. */
  readonly hash: string
  readonly fileCount: number
  /** Of all files' contents together, in bytes; a content that two files have counts twice. */
  readonly totalBytes: number
}

export interface ManifestEntry {
  /** Text that is not UTF-8 is shown with replacement characters. */
  readonly path: string
  /** As the tree has it; the hash is over these. */
  readonly pathBytes: Buffer
  /** 100644, 100755, or 120000 for a symbolic link, whose content is its target. */
  readonly mode: string
  readonly objectId: string
  readonly sha256: string
  readonly size: number
}

/** A submodule has no content here: it belongs to no manifest. */
export const isContent = (file: TreeFile): boolean => file.mode !== '160000'

/** The files and symbolic links of a tree, in the order of their paths' bytes. */
export const listContents = async (git: GitStore, projectId: string, tree: string): Promise<TreeFile[]> => {
  const files: TreeFile[] = []
  for await (const file of git.files(projectId, tree)) if (isContent(file)) files.push(file)
  return files
}

/** @throws Error when a digest is missing */
export const toEntry = (file: TreeFile, digests: Digests): ManifestEntry => {
  const digest = digests.get(file.objectId)
  if (!digest) throw new Error(`The content ${file.objectId} has no digest.`)
  return { ...file, path: file.pathBytes.toString('utf8'), ...digest }
}

/**
 * SHA-256, in lower-case hex, over all entries sorted by the bytes of their paths, each written as
 *
 *     <mode> SP <SHA-256 of the content in lower-case hex> SP <size in decimal> TAB <path> NUL
 *
 * with the path from the root, as it stands in the tree and without quotes. Modes have six digits. So it can be made
 * again from `git ls-tree -r -z` and `sha256sum` alone. Submodules are left out. A manifest without entries is the
 * SHA-256 of nothing.
 */
export const manifestHash = (entries: Iterable<ManifestEntry>): string => {
  const hash = createHash('sha256')
  for (const { mode, sha256, size, pathBytes } of entries) {
    hash.update(`${mode} ${sha256} ${size}\t`).update(pathBytes).update('\0')
  }
  return hash.digest('hex')
}

/** Every entry of a tree's manifest, in order. */
export const manifestEntries = async (
  services: Pick<Services, 'em' | 'git'>,
  projectId: string,
  tree: string,
  options: { readonly fromContents?: boolean } = {},
): Promise<ManifestEntry[]> => {
  const files = await listContents(services.git, projectId, tree)
  const digest = options.fromContents ? digestContents : digestsOf
  const digests = await digest(
    services,
    projectId,
    files.map((file) => file.objectId),
  )
  return files.map((file) => toEntry(file, digests))
}

export const summarize = (entries: readonly ManifestEntry[]): Manifest => ({
  hash: manifestHash(entries),
  fileCount: entries.length,
  totalBytes: entries.reduce((total, { size }) => total + size, 0),
})

/**
 * The manifest of a tree.
 * @param options.fromContents reads every content anew and neither asks nor fills the stored digests
 * @throws Error when the repository lacks an object or has a damaged one
 */
export const manifestOf = async (
  services: Pick<Services, 'em' | 'git'>,
  projectId: string,
  tree: string,
  options: { readonly fromContents?: boolean } = {},
): Promise<Manifest> => summarize(await manifestEntries(services, projectId, tree, options))
