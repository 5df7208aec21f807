/** Looking into a tree: one directory, all files, one file. */

import type { FileBlob, TreeEntry } from '../../domain/ports/git-store.ts'
import { fromByteName, isObjectId, isTree, kindOfMode, linkMode, type RawEntry, toByteName } from './git-objects.ts'
import { findEntry, type Repository, readTree, treeOfObject } from './repository.ts'

/** In the tree's order, with paths from the root. */
export async function directoryEntries(repository: Repository, tree: string, path: string): Promise<TreeEntry[]> {
  const names = namesOf(path)
  const directory = await findEntry(repository, tree, names)
  if (directory === null || !isTree(directory)) return []
  const entries = await readTree(repository, directory.id)
  return await Promise.all(
    entries.map(async (entry) => {
      const kind = kindOfMode(entry.mode)
      return {
        path: [...names, entry.name].map(fromByteName).join('/'),
        mode: entry.mode.padStart(6, '0'),
        kind,
        objectId: entry.id,
        size: kind === 'blob' ? ((await repository.info(entry.id))?.size ?? null) : null,
      }
    }),
  )
}

export async function listFiles(repository: Repository, tree: string): Promise<TreeEntry[]> {
  const { stdout } = await repository.git({
    args: ['ls-tree', '-r', '-l', '-z', '--full-tree', '--end-of-options', tree],
  })
  const files: TreeEntry[] = []
  for (const line of stdout.toString('latin1').split('\0')) {
    const [, mode, kind, objectId, size, name] = line.match(/^(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-)\t([\s\S]+)$/) ?? []
    if (kind !== 'blob' || !mode || !objectId || !name) continue
    files.push({ path: fromByteName(name), mode, kind, objectId, size: Number(size) })
  }
  return files
}

/** Null when there is no file; a symbolic link is a file whose content is its target. */
export async function readFile(repository: Repository, tree: string, path: string): Promise<FileBlob | null> {
  const entry: RawEntry | null = await findEntry(repository, tree, namesOf(path))
  if (entry === null || (kindOfMode(entry.mode) !== 'blob' && entry.mode !== linkMode)) return null
  const object = await repository.contents(entry.id)
  if (object?.kind !== 'blob') return null
  return { path, mode: entry.mode.padStart(6, '0'), objectId: entry.id, content: object.content }
}

// Git takes these as they are; any other name is looked up directory by directory.
const plainPath = /^(?!\.{1,2}\/)[\w.+@-]+(?:\/[\w.+@-]+)*$/

/** A file's content alone, for which git is asked once, however deep it is. */
export async function readContent(repository: Repository, treeish: string, path: string): Promise<Buffer | null> {
  if (!isObjectId(treeish)) return null
  if (plainPath.test(path)) {
    const object = await repository.contents(`${treeish}:${path}`)
    return object?.kind === 'blob' ? object.content : null
  }
  const tree = await treeOfObject(repository, treeish)
  return tree === null ? null : ((await readFile(repository, tree, path))?.content ?? null)
}

function namesOf(path: string): string[] {
  const trimmed = path.replace(/\/+$/, '')
  return trimmed === '' ? [] : trimmed.split('/').map(toByteName)
}
