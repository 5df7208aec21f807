/** The difference of two trees as files and as a patch, computed by git from the trees alone. */

import { isUtf8 } from 'node:buffer'
import type { ChangedFile, ChangeKind, PatchPart } from '../../domain/ports/git-store.ts'
import { writeLiteral } from './binary-patch.ts'
import { diffArguments, parseRawChanges, type RawChange, renameArguments } from './raw-changes.ts'
import { MissingObjectError, type Repository } from './repository.ts'

const kinds: Readonly<Record<string, ChangeKind>> = {
  A: 'ADDED',
  M: 'MODIFIED',
  T: 'MODIFIED',
  D: 'DELETED',
  R: 'RENAMED',
  C: 'COPIED',
}

/** In git's order. Text that is no UTF-8 is shown with replacement characters. */
export async function changedFiles(repository: Repository, fromTree: string, toTree: string): Promise<ChangedFile[]> {
  const [{ changes, counts }, sections] = await Promise.all([
    readCountedChanges(repository, fromTree, toTree),
    readSections(repository, fromTree, toTree, []),
  ])
  const parts = sectionsByChange(changes, sections)
  return changes.map((change, index) => {
    const [additions, deletions] = counts[index] ?? []
    return {
      path: change.path,
      previousPath: change.previousPath,
      kind: kindOf(change),
      isBinary: additions === undefined || additions === '-',
      additions: Number(additions === '-' ? 0 : additions),
      deletions: Number(deletions === '-' ? 0 : deletions),
      oldMode: nullIfZero(change.oldMode),
      newMode: nullIfZero(change.newMode),
      oldObjectId: nullIfZero(change.oldId),
      newObjectId: nullIfZero(change.newId),
      patch: toText((parts[index] ?? []).join('')).replaceAll('\0', '\ufffd'),
    }
  })
}

/**
 * Applying it to the one tree gives the other. Files that are not text in UTF-8, or have NUL characters, are written
 * as binary, since a patch is a string here and has to survive a database.
 */
export async function patchBetween(repository: Repository, fromTree: string, toTree: string): Promise<string> {
  return (await patchParts(repository, fromTree, toTree)).map(({ patch }) => patch).join('')
}

/** The same file by file, in git's order. */
export async function patchParts(repository: Repository, fromTree: string, toTree: string): Promise<PatchPart[]> {
  const [{ changes }, sections] = await Promise.all([
    readCountedChanges(repository, fromTree, toTree),
    readSections(repository, fromTree, toTree, ['--binary']),
  ])
  const parts = sectionsByChange(changes, sections)
  const patches: PatchPart[] = []
  for (const [index, change] of changes.entries()) {
    const texts: string[] = []
    for (const section of parts[index] ?? []) {
      const bytes = Buffer.from(section, 'latin1')
      texts.push(isUtf8(bytes) && !bytes.includes(0) ? toText(section) : await asBinary(repository, change, section))
    }
    patches.push({ path: change.path, patch: texts.join('') })
  }
  return patches
}

async function readCountedChanges(repository: Repository, fromTree: string, toTree: string) {
  const { stdout } = await repository.git({
    args: [
      ...diffArguments,
      ...renameArguments,
      '--raw',
      '--numstat',
      '-z',
      '--end-of-options',
      fromTree,
      toTree,
      '--',
    ],
  })
  const fields = stdout.toString('latin1').split('\0')
  const { changes, used } = parseRawChanges(fields)
  const counts: [additions: string, deletions: string][] = []
  for (let at = used; at < fields.length - 1; ) {
    const [, additions, deletions, name] = fields[at]?.match(/^(\d+|-)\t(\d+|-)\t([\s\S]*)$/) ?? []
    if (additions === undefined || deletions === undefined) throw new Error('git diff-tree gave a count that is none')
    counts.push([additions, deletions])
    // A moved file's names follow in fields of their own.
    at += name === '' ? 3 : 1
  }
  if (counts.length !== changes.length) throw new Error('git diff-tree gave other counts than files')
  return { changes, counts }
}

/** In git's own patches only a file's first line begins so: lines of content have a mark before them. */
const sectionStart = 'diff --git '

async function readSections(repository: Repository, fromTree: string, toTree: string, options: readonly string[]) {
  const { stdout } = await repository.git({
    args: [...diffArguments, ...renameArguments, '--patch', ...options, '--end-of-options', fromTree, toTree, '--'],
  })
  const text = stdout.toString('latin1')
  const sections: string[] = []
  for (let start = 0; start < text.length; ) {
    const next = text.indexOf(`\n${sectionStart}`, start)
    const end = next < 0 ? text.length : next + 1
    sections.push(text.slice(start, end))
    start = end
  }
  return sections
}

/** A change of type (a file that becomes a link) is two sections, a removal and an addition. */
function sectionsByChange(changes: readonly RawChange[], sections: readonly string[]): string[][] {
  let at = 0
  const parts = changes.map(({ status }) => {
    const start = at
    at += status === 'T' ? 2 : 1
    return sections.slice(start, at)
  })
  if (at !== sections.length) throw new Error('git diff-tree gave other patches than files')
  return parts
}

async function asBinary(repository: Repository, change: RawChange, section: string): Promise<string> {
  const head = section.slice(0, section.indexOf('\n--- ') + 1)
  const before = head.includes('\nnew file mode ') ? Buffer.alloc(0) : await readBlob(repository, change.oldId)
  const after = head.includes('\ndeleted file mode ') ? Buffer.alloc(0) : await readBlob(repository, change.newId)
  return `${head}GIT binary patch\n${writeLiteral(after)}${writeLiteral(before)}`
}

async function readBlob(repository: Repository, id: string): Promise<Buffer> {
  const object = await repository.contents(id)
  if (object?.kind !== 'blob') throw new MissingObjectError('blob', id)
  return object.content
}

function kindOf({ status, oldId, newId }: RawChange): ChangeKind {
  const kind = kinds[status]
  if (kind === undefined) throw new Error(`git diff-tree gave the unknown status ${status}`)
  return status === 'M' && oldId === newId ? 'MODE_CHANGED' : kind
}

function nullIfZero(text: string): string | null {
  return /^0+$/.test(text) ? null : text
}

function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
