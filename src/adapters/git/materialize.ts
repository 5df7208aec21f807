/** A tree's files on a disk, without git: no attributes, no filters, no `.git`. */

import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { fromByteName, isTree, linkMode, type RawEntry, submoduleMode } from './git-objects.ts'
import { inParallel } from './in-parallel.ts'
import { MissingObjectError, type Repository, readTree } from './repository.ts'

interface PlacedEntry {
  readonly entry: RawEntry
  readonly path: Buffer
  readonly depth: number
}

/**
 * Regular files get mode 644 or 755. A symbolic link is made only when it cannot lead out of the directory, whatever
 * other links it meets; other links, and submodules, are left out.
 * @throws Error when the directory is not empty, or the tree has a name that no tree may have
 */
export async function materialize(repository: Repository, tree: string, directory: string): Promise<void> {
  if ((await readdir(directory)).length > 0) throw new Error('files are only written into an empty directory')
  const files: PlacedEntry[] = []
  await collect(repository, tree, Buffer.from(directory), 0, files)
  const links = files.filter(({ entry }) => entry.mode === linkMode)
  const plain = files.filter(({ entry }) => entry.mode !== linkMode && entry.mode !== submoduleMode)
  await inParallel(plain, async ({ entry, path }) => {
    const content = await readBlob(repository, entry.id)
    await writeFile(path, content, { flag: 'wx' })
    await chmod(path, entry.mode === '100755' ? 0o755 : 0o644)
  })
  // Last, so that nothing is ever written through a link.
  for (const { entry, path, depth } of links) {
    const target = await readBlob(repository, entry.id)
    if (staysInside(target.toString('latin1'), depth)) await symlink(target, path)
  }
}

async function collect(
  repository: Repository,
  tree: string,
  directory: Buffer,
  depth: number,
  files: PlacedEntry[],
): Promise<void> {
  for (const entry of await readTree(repository, tree)) {
    if (/^(?:|\.|\.\.|\.git)$/i.test(entry.name) || /[/\0]/.test(entry.name)) {
      throw new Error(`the tree ${tree} has the name ${JSON.stringify(fromByteName(entry.name))}`)
    }
    const path = Buffer.concat([directory, Buffer.from('/'), Buffer.from(entry.name, 'latin1')])
    if (isTree(entry)) {
      await mkdir(path)
      await collect(repository, entry.id, path, depth + 1, files)
    } else files.push({ entry, path, depth })
  }
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
