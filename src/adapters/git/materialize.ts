/** A tree's files on a disk, without git: no attributes, no filters, no `.git`. */

import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import type { BlobStream, FileOwner } from '../../domain/ports/git-store.ts'
import { fromByteName, isTree, linkMode, type RawEntry, submoduleMode } from './git-objects.ts'
import { MissingObjectError, type Repository, readTree } from './repository.ts'

interface PlacedEntry {
  readonly entry: RawEntry
  readonly path: Buffer
  readonly depth: number
}

interface Source {
  readonly repository: Repository
  /** The contents of blobs, in their order, from one process. */
  readonly blobs: (ids: readonly string[]) => AsyncIterable<BlobStream>
}

/**
 * Regular files get mode 644 or 755, directories 755, whatever the process's mask is. A symbolic link is made only when
 * it cannot lead out of the directory, whatever other links it meets; other links, and submodules, are left out.
 *
 * What is written at once is a piece of git's output, after which other work has its turn: file by file in the pool of
 * threads takes four times as long.
 * @throws Error when the directory is not empty, or the tree has a name that no tree may have
 */
export async function materialize(
  { repository, blobs }: Source,
  tree: string,
  directory: string,
  owner: FileOwner | null,
): Promise<void> {
  if (readdirSync(directory).length > 0) throw new Error('files are only written into an empty directory')
  const entries = await collect(repository, tree, { path: Buffer.from(directory), depth: 0 })
  const directories = entries.filter(({ entry }) => isTree(entry))
  const links = entries.filter(({ entry }) => entry.mode === linkMode)
  const files = entries.filter(({ entry }) => !isTree(entry) && entry.mode !== linkMode && entry.mode !== submoduleMode)
  for (const { path } of directories) makeDirectory(path, owner)
  const masksModes = hasUnusualMask()
  const contents = blobs(files.map(({ entry }) => entry.id))[Symbol.asyncIterator]()
  try {
    for (const { entry, path } of files) {
      const { value: blob } = await contents.next()
      if (blob === undefined) throw new MissingObjectError('blob', entry.id)
      const mode = entry.mode === '100755' ? 0o755 : 0o644
      await writeFile(path, { mode, owner, masksModes }, blob.content)
    }
  } finally {
    await contents.return?.()
  }
  // Last, so that nothing is ever written through a link.
  for (const { entry, path, depth } of links) {
    const target = await readBlob(repository, entry.id)
    if (!staysInside(target.toString('latin1'), depth)) continue
    symlinkSync(target, path)
    if (owner !== null) lchownSync(path, owner.uid, owner.gid)
  }
  if (owner !== null) lchownSync(directory, owner.uid, owner.gid)
}

/** Whether new files get other modes than they were asked for; assumed where the system does not tell. */
function hasUnusualMask(): boolean {
  try {
    const mask = /^Umask:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
    return mask === undefined || (Number.parseInt(mask, 8) & 0o755) !== 0
  } catch {
    // Not Linux.
    return true
  }
}

function makeDirectory(path: Buffer, owner: FileOwner | null): void {
  mkdirSync(path)
  chmodSync(path, 0o755)
  if (owner !== null) lchownSync(path, owner.uid, owner.gid)
}

async function writeFile(
  path: Buffer,
  { mode, owner, masksModes }: { mode: number; owner: FileOwner | null; masksModes: boolean },
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const descriptor = openSync(path, 'wx', mode)
  try {
    if (masksModes) fchmodSync(descriptor, mode)
    if (owner !== null) fchownSync(descriptor, owner.uid, owner.gid)
    for await (const piece of content) {
      for (let at = 0; at < piece.length; ) at += writeSync(descriptor, piece, at)
    }
  } finally {
    closeSync(descriptor)
  }
}

/** Everything below, directories before what is in them. */
async function collect(
  repository: Repository,
  tree: string,
  { path: directory, depth }: { readonly path: Buffer; readonly depth: number },
): Promise<PlacedEntry[]> {
  const entries = (await readTree(repository, tree)).map((entry): PlacedEntry => {
    if (/^(?:|\.|\.\.|\.git)$/i.test(entry.name) || /[/\0]/.test(entry.name)) {
      throw new Error(`the tree ${tree} has the name ${JSON.stringify(fromByteName(entry.name))}`)
    }
    const path = Buffer.concat([directory, Buffer.from('/'), Buffer.from(entry.name, 'latin1')])
    return { entry, path, depth }
  })
  const below = await Promise.all(
    entries
      .filter(({ entry }) => isTree(entry))
      .map(({ entry, path }) => collect(repository, entry.id, { path, depth: depth + 1 })),
  )
  return [...entries, ...below.flat()]
}

/**
 * Only leading `..` are allowed: they climb real directories, so their end is known. After a name they would climb
 * from wherever that name leads.
 */
function staysInside(target: string, depth: number): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false
  const names = target.split('/').filter((name) => name !== '' && name !== '.')
  const climbs = names.findIndex((name) => name !== '..')
  const leading = climbs < 0 ? names.length : climbs
  return leading <= depth && !names.slice(leading).includes('..')
}

async function readBlob(repository: Repository, id: string): Promise<Buffer> {
  const object = await repository.contents(id)
  if (object?.kind !== 'blob') throw new MissingObjectError('blob', id)
  return object.content
}
