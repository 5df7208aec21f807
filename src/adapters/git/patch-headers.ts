/** What a patch says of its files: names, kinds and modes, with every header line held against the others. */

import { PatchRejectedError } from '../../domain/errors.ts'
import type { BinaryHunk } from './binary-patch.ts'
import { linkMode, submoduleMode } from './git-objects.ts'
import { pathFault } from './patch-paths.ts'
import type { Hunk, PatchSection } from './patch-sections.ts'
import { type Fault, type Names, namesOf, stylesOf } from './patch-sides.ts'

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

/**
 * All names have the same prefixes, or all are bare; where both readings fit, they are prefixed.
 * @throws PatchRejectedError for headers that contradict each other, unsafe names, and modes of links and submodules
 */
export function readFilePatches(sections: readonly PatchSection[]): FilePatch[] {
  const readings = stylesOf(sections).map((prefixes) => sections.map((section) => namesOf(section, prefixes)))
  const fitting = readings.find((names) => names.every((each) => !('reason' in each)))
  if (fitting) return sections.map((section, index) => filePatch(section, fitting[index] as Names))
  const looksPrefixed = sections.every(({ diffLine, minus, plus }) =>
    [diffLine, minus, plus].some((text) => text !== null && /^"?[ab]\//.test(text)),
  )
  const faults = readings[looksPrefixed ? 0 : 1] ?? []
  const index = faults.findIndex((each) => 'reason' in each)
  throw refusal(faults[index] as Fault, sections[index] as PatchSection)
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
  if (oldMode !== null && !/^1[0-7]{5}$/.test(oldMode)) throw strangeMode(oldMode, path)
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
  throw strangeMode(mode, path)
}

function strangeMode(mode: string, path: string | null): PatchRejectedError {
  return new PatchRejectedError('MALFORMED', `${path}: ${shown(mode.slice(0, 20))} is not the mode of a file.`, {
    path,
  })
}

function shown(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
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
  const path = fault.name === null ? null : shown(fault.name)
  const message = `The patch's headers are not sound: ${fault.words} (line ${section.line} of the patch).`
  return new PatchRejectedError(fault.reason, message, { path })
}
