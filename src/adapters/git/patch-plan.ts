/** Holds a patch's files against the base tree: what is there, what may be touched, what is in the way. */

import { PatchRejectedError } from '../../domain/errors.ts'
import { linkMode, type RawEntry } from './git-objects.ts'
import type { FilePatch } from './patch-headers.ts'
import { MissingObjectError, type Repository } from './repository.ts'
import { createTreeLookup, type TreeLookup } from './tree-lookup.ts'
import { obstacleOf } from './tree-rewrite.ts'

export interface PlannedFile {
  readonly file: FilePatch
  /** Where the change is shown: the new path, or the one that goes. */
  readonly path: string
  /** What the base tree has at the old path, read where the change depends on it; null for an added file. */
  readonly base: { readonly entry: RawEntry; readonly content: Buffer | null } | null
}

interface PlanLimits {
  readonly fileBytes: number
  /** Of all files together that have to be read. */
  readonly readBytes: number
}

/** @throws PatchRejectedError */
export async function planPatch(
  repository: Repository,
  baseTree: string,
  files: readonly FilePatch[],
  limits: PlanLimits,
): Promise<PlannedFile[]> {
  const removed = removedPaths(files)
  const lookup = createTreeLookup(repository, baseTree)
  const budget = { fileBytes: limits.fileBytes, left: limits.readBytes }
  return await Promise.all(
    files.map(async (file) => {
      const path = file.newPath ?? file.oldPath ?? ''
      const entry = file.oldPath === null ? null : await existing(lookup, file, file.oldPath)
      if (file.newPath !== null && file.newPath !== file.oldPath) await checkVacant(lookup, file.newPath, removed)
      if (entry === null) return { file, path, base: null }
      const isRead = file.hunks.length > 0 || file.binary !== null || file.operation === 'DELETE'
      const content = isRead ? await readBounded(repository, entry.id, path, budget) : null
      return { file, path, base: { entry, content } }
    }),
  )
}

/** The paths that are gone, each named once. @throws PatchRejectedError for a file with two sections */
function removedPaths(files: readonly FilePatch[]): ReadonlySet<string> {
  const removed = new Set<string>()
  const written = new Set<string>()
  const twice = (path: string) =>
    new PatchRejectedError('MALFORMED', `The patch has several sections for ${path}; put its hunks into one.`, { path })
  for (const { operation, oldPath } of files) {
    if (oldPath === null || (operation !== 'DELETE' && operation !== 'RENAME')) continue
    if (removed.has(oldPath)) throw twice(oldPath)
    removed.add(oldPath)
  }
  for (const { operation, newPath } of files) {
    if (newPath === null) continue
    if (written.has(newPath) || (operation === 'MODIFY' && removed.has(newPath))) throw twice(newPath)
    written.add(newPath)
  }
  return removed
}

async function existing(lookup: TreeLookup, file: FilePatch, path: string): Promise<RawEntry> {
  const { entry, blocker } = await lookup(path)
  if (blocker) refuseBlocked(path, blocker)
  const obstacle = obstacleOf(entry ?? undefined)
  if (entry === null) throw doesNotApply(path, 'No such file or directory')
  if (obstacle === 'directory') throw doesNotApply(path, 'it is a directory')
  if (obstacle === 'submodule') throw submodule(path)
  if (obstacle === 'symlink' && file.operation !== 'DELETE') {
    throw new PatchRejectedError('SYMLINK', `${path} is a symbolic link, which a patch may only remove.`, { path })
  }
  const saysLink = file.oldMode === linkMode
  if (file.oldMode !== null && saysLink !== (obstacle === 'symlink')) throw doesNotApply(path, 'wrong type')
  if (file.newMode !== null && file.newMode === entry.mode) {
    const words = `${path} already has the mode ${file.newMode} that the patch says it gets.`
    throw new PatchRejectedError('HEADERS_LIE', words, { path })
  }
  return entry
}

async function checkVacant(lookup: TreeLookup, path: string, removed: ReadonlySet<string>): Promise<void> {
  const { entry, blocker } = await lookup(path)
  if (blocker && !removed.has(blocker.path)) refuseBlocked(path, blocker)
  const obstacle = obstacleOf(entry ?? undefined)
  if (obstacle === 'submodule') throw submodule(path)
  // A directory may be emptied by the same patch; rewriting the tree shows whether it is.
  if (obstacle === 'nothing' || obstacle === 'directory' || removed.has(path)) return
  throw doesNotApply(path, 'already exists in the base tree')
}

function refuseBlocked(path: string, blocker: { path: string; entry: RawEntry }): never {
  const obstacle = obstacleOf(blocker.entry)
  if (obstacle === 'submodule') throw submodule(path)
  if (obstacle === 'symlink') {
    throw new PatchRejectedError('SYMLINK', `${path} passes through the symbolic link ${blocker.path}.`, { path })
  }
  throw doesNotApply(path, `${blocker.path} is a file, not a directory`)
}

async function readBounded(
  repository: Repository,
  id: string,
  path: string,
  budget: { readonly fileBytes: number; left: number },
): Promise<Buffer> {
  const size = (await repository.info(id))?.size ?? 0
  budget.left -= size
  if (size > budget.fileBytes || budget.left < 0) {
    const what =
      size > budget.fileBytes ? `${path} is larger than ${budget.fileBytes} bytes` : 'The files are too large together'
    throw new PatchRejectedError('TOO_LARGE', `${what}.`, { path })
  }
  const object = await repository.contents(id)
  if (object?.kind !== 'blob') throw new MissingObjectError('blob', id)
  return object.content
}

function doesNotApply(path: string, words: string): PatchRejectedError {
  return new PatchRejectedError('DOES_NOT_APPLY', `The patch does not apply to ${path}: ${words}.`, {
    path,
    details: `error: ${path}: ${words}`,
  })
}

function submodule(path: string): PatchRejectedError {
  return new PatchRejectedError('UNSAFE_PATH', `${path} is or lies in a submodule, which a patch may not touch.`, {
    path,
  })
}
