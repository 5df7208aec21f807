/** Which names a section's lines give its file, under one reading of their prefixes, each line held against the others. */

import { isEpochStamped, readLineName, readTwinNames, saysNames } from './patch-names.ts'
import type { PatchSection } from './patch-sections.ts'

/** What stands before the names of the two sides. */
export type Prefixes = readonly [old: string, next: string]

const usual: Prefixes = ['a/', 'b/']
const bare: Prefixes = ['', '']

/** git's diff.mnemonicPrefix: index, work tree, commit, object, and the two sides of --no-index. */
const mnemonic: readonly Prefixes[] = [
  ['i/', 'w/'],
  ['c/', 'i/'],
  ['c/', 'w/'],
  ['o/', 'w/'],
  ['1/', '2/'],
]

/** As `git diff -R` writes them. */
const reversed = [usual, ...mnemonic].map(([old, next]): Prefixes => [next, old])

export interface Names {
  readonly old: string | null
  readonly new: string | null
}

export interface Fault {
  readonly reason: 'MALFORMED' | 'HEADERS_LIE'
  readonly words: string
  readonly name: string | null
}

/** The readings of a patch, in the order in which they are tried: prefixed and bare come first. */
export function stylesOf(sections: readonly PatchSection[]): readonly Prefixes[] {
  // Without a "diff --git" line `+++ w/x` of a new file is a file of the directory w.
  const hasDiffLines = sections.every(({ diffLine }) => diffLine !== null)
  return [usual, bare, ...(hasDiffLines ? [...mnemonic, ...reversed] : [])]
}

/** What is wrong is returned, since another reading may be right. */
export function namesOf(section: PatchSection, prefixes: Prefixes): Names | Fault {
  const { diffLine, headers, minus, plus } = section
  const moved = movedNames(headers)
  if (moved !== null && 'reason' in moved) return moved
  let old = minus === null ? undefined : sideName(minus, prefixes[0])
  let next = plus === null ? undefined : sideName(plus, prefixes[1])
  for (const side of [old, next]) if (side !== undefined && side !== null && typeof side !== 'string') return side
  if (diffLine === null && typeof old === 'string' && old === next) {
    if (minus !== null && isEpochStamped(minus)) old = null
    else if (plus !== null && isEpochStamped(plus)) next = null
  }
  let names = moved ?? (old !== undefined ? ({ old, new: next ?? null } as Names) : twinNames(diffLine, prefixes))
  if ('reason' in names) return names
  if (headers.has('new file mode')) names = { ...names, old: old === undefined ? null : (old as string | null) }
  if (headers.has('deleted file mode')) names = { ...names, new: next === undefined ? null : (next as string | null) }
  return contradiction(section, prefixes, names, moved, { old, next } as SideNames) ?? names
}

interface SideNames {
  readonly old: string | null | undefined
  readonly next: string | null | undefined
}

function contradiction(
  { diffLine, headers }: PatchSection,
  prefixes: Prefixes,
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
  if (names.old === null && !headers.has('new file mode')) {
    return lie('git reads a "diff --git" section as a new file only with a "new file mode" line, and it has none')
  }
  if (names.new === null && !headers.has('deleted file mode')) {
    return lie('git reads a "diff --git" section as a removal only with a "deleted file mode" line, and it has none')
  }
  const says = saysNames(diffLine, `${prefixes[0]}${names.old ?? name}`, `${prefixes[1]}${names.new ?? name}`)
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
function sideName(text: string, prefix: string): string | null | Fault {
  const name = readLineName(text, true)
  if (name === null) return { reason: 'MALFORMED', words: 'a quoted name is not well formed', name: null }
  if (name === '/dev/null') return null
  if (name.startsWith(prefix)) return name.slice(prefix.length)
  return { reason: 'MALFORMED', words: `a name does not begin with ${prefix}`, name }
}

function twinNames(diffLine: string | null, [oldPrefix, newPrefix]: Prefixes): Names | Fault {
  const twins = diffLine === null ? null : readTwinNames(diffLine, oldPrefix.length)
  if (twins === null || !twins[0].startsWith(oldPrefix) || !twins[1].startsWith(newPrefix)) {
    return { reason: 'HEADERS_LIE', words: 'the "diff --git" line does not name one file twice', name: null }
  }
  return { old: twins[0].slice(oldPrefix.length), new: twins[1].slice(newPrefix.length) }
}
