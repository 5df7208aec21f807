/** Which names a patch, an archive or an agent may use. Decided from the text alone, before git or a disk sees it. */

import type { PatchRejection } from '../../domain/errors.ts'

interface PathFault {
  readonly reason: Extract<PatchRejection, 'UNSAFE_PATH' | 'RESERVED_PATH'>
  /** What is wrong with it, to be read after the path: "climbs out of the repository". */
  readonly words: string
}

type Rule = readonly [reason: PathFault['reason'], words: string, breaks: (text: string) => boolean]

const limits = { nameBytes: 255, pathBytes: 4096, levels: 64 }

/** HFS+ leaves these out when it compares names. */
const hfsIgnored = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g

/** Short names under which NTFS also knows `.git` and `.gitmodules`. */
const ntfsGit = /^git~\d+$/
const ntfsModules = /^(?:gitmod~\d+|gi7eba~\d+|gi7d29~\d+)$/

const deviceName = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\s*\.|\s*$)/i

const pathRules: readonly Rule[] = [
  ['UNSAFE_PATH', 'is empty', (path) => path === ''],
  ['UNSAFE_PATH', 'is not well-formed text', (path) => !path.isWellFormed() || path.includes('\ufffd')],
  ['UNSAFE_PATH', 'has a control character', (path) => /[\p{Cc}\u2028\u2029]/u.test(path)],
  ['UNSAFE_PATH', 'has a backslash', (path) => path.includes('\\')],
  ['UNSAFE_PATH', 'is absolute', (path) => path.startsWith('/')],
  ['UNSAFE_PATH', 'begins with a drive letter', (path) => /^[A-Za-z]:/.test(path)],
  ['UNSAFE_PATH', `is longer than ${limits.pathBytes} bytes`, (path) => Buffer.byteLength(path) > limits.pathBytes],
  ['UNSAFE_PATH', `has more than ${limits.levels} levels`, (path) => path.split('/').length > limits.levels],
]

const nameRules: readonly Rule[] = [
  ['UNSAFE_PATH', 'has an empty name', (name) => name === ''],
  [
    'UNSAFE_PATH',
    'climbs out of its directory or names it',
    (name) => foldings(name).some((each) => /^[.\s]+(?:$|:)/.test(each)),
  ],
  [
    'UNSAFE_PATH',
    `has a name longer than ${limits.nameBytes} bytes`,
    (name) => Buffer.byteLength(name) > limits.nameBytes,
  ],
  [
    'RESERVED_PATH',
    "names git's own directory",
    (name) => spellings(name).some((each) => each === '.git' || ntfsGit.test(each)),
  ],
  [
    'RESERVED_PATH',
    'names the list of submodules',
    (name) => spellings(name).some((each) => each === '.gitmodules' || ntfsModules.test(each)),
  ],
]

/** Names that other systems cannot hold: no new file may have one, but those that are there can be changed. */
const newNameRules: readonly Rule[] = [
  ['RESERVED_PATH', 'has the name of a device', (name) => deviceName.test(name)],
  ['UNSAFE_PATH', 'has a name that ends with a dot or a space', (name) => /[. ]$/.test(name)],
]

/** Null when the path is one that a repository may hold; a path from its root, with slashes. */
export function pathFault(path: string, isNew: boolean): PathFault | null {
  return (
    broken(pathRules, path) ??
    path
      .split('/')
      .map((name) => broken(nameRules, name) ?? (isNew ? broken(newNameRules, name) : null))
      .find((fault) => fault !== null) ??
    null
  )
}

/** The name as it stands, and as the file systems that fold names would take it. */
function foldings(name: string): string[] {
  return [name, name.replace(hfsIgnored, '')].map((each) => each.normalize('NFKC').toLowerCase())
}

/** Without what NTFS does not count: a stream's name, dots and spaces at the end. */
function spellings(name: string): string[] {
  return foldings(name).map((each) => (each.split(':', 1)[0] ?? '').replace(/[. ]+$/, ''))
}

function broken(rules: readonly Rule[], text: string): PathFault | null {
  const rule = rules.find(([, , breaks]) => breaks(text))
  return rule ? { reason: rule[0], words: rule[1] } : null
}
