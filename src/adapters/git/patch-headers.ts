/** What a patch says of its files: names, kinds and modes, with every header line held against the others. */

import { PatchRejectedError } from '../../domain/errors.ts'
import type { BinaryHunk } from './binary-patch.ts'
import { linkMode, submoduleMode } from './git-objects.ts'
import { readLineName, readTwinNames, saysNames } from './patch-names.ts'
import { pathFault } from './patch-paths.ts'
import type { Hunk, PatchSection } from './patch-sections.ts'

type PatchOperation = 'MODIFY' | 'ADD' | 'DELETE' | 'RENAME' | 'COPY'

export interface FilePatch {
  readonly operation: PatchOperation
  /** Null when the file is added. */
  readonly oldPath: string | null
  /** Null when the file is deleted. */
  readonly newPath: string | null
  /** Null when the patch does not say. */
  readonly oldMode: string | null
  readonly newMode: string | null
  readonly hunks: readonly Hunk[]
  readonly binary: BinaryHunk | null
  /** Of the "index" line, possibly cut; null without one. */
  readonly oldId: string | null
  readonly newId: string | null
}

type Style = 'prefixed' | 'bare'

interface Names {
  readonly old: string | null
  readonly new: string | null
}

interface Fault {
  readonly reason: 'MALFORMED' | 'HEADERS_LIE'
  readonly words: string
  readonly name: string | null
}

/**
 * The names are either all prefixed (`a/` and `b/`) or all bare; where both readings fit, they are prefixed.
 * @throws PatchRejectedError for headers that contradict each other, unsafe names, and modes of links and submodules
 */
export function readFilePatches(sections: readonly PatchSection[]): FilePatch[] {
  const readings = (['prefixed', 'bare'] as const).map((style) => sections.map((section) => namesOf(section, style)))
  const fitting = readings.find((names) => names.every((each) => !('reason' in each)))
  if (fitting) return sections.map((section, index) => filePatch(section, fitting[index] as Names))
  const looksPrefixed = sections.every(({ diffLine, minus, plus }) =>
    [diffLine, minus, plus].some((text) => text !== null && /^"?[ab]\//.test(text)),
  )
  const faults = readings[looksPrefixed ? 0 : 1] ?? []
  const index = faults.findIndex((each) => 'reason' in each)
  throw refusal(faults[index] as Fault, sections[index] as PatchSection)
}

function namesOf(section: PatchSection, style: Style): Names | Fault {
  const { diffLine, headers, minus, plus } = section
  const moved = movedNames(headers)
  if (moved !== null && 'reason' in moved) return moved
  const old = minus === null ? undefined : sideName(minus, style, 'a/')
  const next = plus === null ? undefined : sideName(plus, style, 'b/')
  for (const side of [old, next]) if (side !== undefined && side !== null && typeof side !== 'string') return side
  let names = moved ?? (old !== undefined ? ({ old, new: next ?? null } as Names) : twinNames(diffLine, style))
  if ('reason' in names) return names
  if (headers.has('new file mode')) names = { ...names, old: old === undefined ? null : (old as string | null) }
  if (headers.has('deleted file mode')) names = { ...names, new: next === undefined ? null : (next as string | null) }
  return contradiction(section, style, names, moved, { old, next } as SideNames) ?? names
}

interface SideNames {
  readonly old: string | null | undefined
  readonly next: string | null | undefined
}

function contradiction(
  { diffLine, headers }: PatchSection,
  style: Style,
  names: Names,
  moved: Names | null,
  sides: SideNames,
): Fault | null {
  const name = names.new ?? names.old
  const lie = (words: string): Fault => ({ reason: 'HEADERS_LIE', words, name })
  if (name === null) return lie('both sides of a file are /dev/null')
  if (moved && sides.old !== undefined && (sides.old !== moved.old || sides.next !== moved.new)) {
    return lie('the "---" and "+++" lines name other files than the rename or copy')
  }
  if (!moved && names.old !== null && names.new !== null && names.old !== names.new) {
    return lie('the "---" and "+++" lines name different files and there is no rename')
  }
  if (headers.has('new file mode') && (names.old !== null || names.new === null)) {
    return lie('a new file has an old name or no new one')
  }
  if (headers.has('deleted file mode') && (names.new !== null || names.old === null)) {
    return lie('a deleted file has a new name or no old one')
  }
  if (moved && (headers.has('new file mode') || headers.has('deleted file mode'))) {
    return lie('a renamed or copied file is also new or deleted')
  }
  if (diffLine === null) return null
  const [oldPrefix, newPrefix] = style === 'prefixed' ? ['a/', 'b/'] : ['', '']
  const says = saysNames(diffLine, `${oldPrefix}${names.old ?? name}`, `${newPrefix}${names.new ?? name}`)
  return says ? null : lie('the "diff --git" line names other files than the lines below it')
}

function movedNames(headers: ReadonlyMap<string, string>): Names | Fault | null {
  const pairs = (['rename', 'copy'] as const).filter((word) => headers.has(`${word} from`) || headers.has(`${word} to`))
  const [word] = pairs
  if (word === undefined) return null
  const [from, to] = [headers.get(`${word} from`), headers.get(`${word} to`)].map((text) =>
    text === undefined ? null : readLineName(text, false),
  )
  if (pairs.length > 1 || from === null || from === undefined || to === null || to === undefined) {
    return { reason: 'MALFORMED', words: `a ${word} does not have one "from" and one "to" line`, name: null }
  }
  return { old: from, new: to }
}

/** Null for /dev/null. */
function sideName(text: string, style: Style, prefix: string): string | null | Fault {
  const name = readLineName(text, true)
  if (name === null) return { reason: 'MALFORMED', words: 'a quoted name is not well formed', name: null }
  if (name === '/dev/null') return null
  if (style === 'bare') return name
  if (name.startsWith(prefix)) return name.slice(prefix.length)
  return { reason: 'MALFORMED', words: `a name does not begin with ${prefix}`, name }
}

function twinNames(diffLine: string | null, style: Style): Names | Fault {
  const prefixLength = style === 'prefixed' ? 2 : 0
  const twins = diffLine === null ? null : readTwinNames(diffLine, prefixLength)
  if (twins === null || (style === 'prefixed' && !(twins[0].startsWith('a/') && twins[1].startsWith('b/')))) {
    return { reason: 'HEADERS_LIE', words: 'the "diff --git" line does not name one file twice', name: null }
  }
  return { old: twins[0].slice(prefixLength), new: twins[1].slice(prefixLength) }
}

function filePatch(section: PatchSection, names: Names): FilePatch {
  const { headers, hunks, binary } = section
  const oldPath = names.old === null ? null : checkedPath(names.old, false)
  const isNewName = names.old !== names.new
  const newPath = names.new === null ? null : checkedPath(names.new, isNewName)
  const path = newPath ?? oldPath
  const index = readIndex(headers.get('index'), path)
  const oldMode = headers.get('old mode') ?? headers.get('deleted file mode') ?? index.mode
  const newMode = headers.get('new mode') ?? headers.get('new file mode') ?? null
  if (headers.has('old mode') !== headers.has('new mode')) {
    throw new PatchRejectedError('MALFORMED', `${path}: one of "old mode" and "new mode" is missing.`, { path })
  }
  // The mode of an "index" line changes nothing: git leaves the file the mode that it has.
  if (newPath !== null) for (const mode of [newMode, index.mode]) checkMode(mode, path)
  if (oldPath !== null && oldMode === submoduleMode) checkMode(oldMode, path)
  const saysSomething = isNewName || hunks.length > 0 || binary !== null || headers.has('new mode')
  if (!saysSomething) {
    throw new PatchRejectedError('MALFORMED', `${path}: the patch says nothing of what changes in this file.`, { path })
  }
  const operation = operationOf(names, headers)
  return { operation, oldPath, newPath, oldMode, newMode, hunks, binary, oldId: index.oldId, newId: index.newId }
}

function operationOf(names: Names, headers: ReadonlyMap<string, string>): PatchOperation {
  if (headers.has('copy from')) return 'COPY'
  if (headers.has('rename from')) return 'RENAME'
  if (names.old === null) return 'ADD'
  return names.new === null ? 'DELETE' : 'MODIFY'
}

function checkedPath(byteName: string, isNew: boolean): string {
  // Bytes that are no UTF-8 become U+FFFD, which the rules refuse.
  const path = Buffer.from(byteName, 'latin1').toString('utf8')
  const fault = pathFault(path, isNew)
  if (fault === null) return path
  const shown = path.slice(0, 300)
  throw new PatchRejectedError(fault.reason, `The path ${JSON.stringify(shown)} ${fault.words}.`, { path: shown })
}

function checkMode(mode: string | null, path: string | null): void {
  if (mode === null || mode === '100644' || mode === '100755') return
  if (mode === linkMode)
    throw new PatchRejectedError('SYMLINK', `${path}: a patch may not make a symbolic link.`, { path })
  if (mode === submoduleMode) {
    throw new PatchRejectedError('UNSAFE_PATH', `${path}: a patch may not make, change or remove a submodule.`, {
      path,
    })
  }
  throw new PatchRejectedError('MALFORMED', `${path}: ${mode.slice(0, 20)} is not the mode of a file.`, { path })
}

function readIndex(text: string | undefined, path: string | null) {
  if (text === undefined) return { oldId: null, newId: null, mode: null }
  const [, oldId, newId, mode] = text.match(/^([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: (\d{6}))?$/) ?? []
  if (oldId === undefined || newId === undefined) {
    throw new PatchRejectedError('MALFORMED', `${path}: the "index" line is not well formed.`, { path })
  }
  return { oldId, newId, mode: mode ?? null }
}

function refusal(fault: Fault, section: PatchSection): PatchRejectedError {
  const path = fault.name === null ? null : Buffer.from(fault.name, 'latin1').toString('utf8')
  const message = `The patch's headers are not sound: ${fault.words} (line ${section.line} of the patch).`
  return new PatchRejectedError(fault.reason, message, { path })
}
