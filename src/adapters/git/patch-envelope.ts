/** What may stand around a patch: prose, the Markdown fence that holds it, the signature of a mail. Never another patch. */

import { PatchRejectedError } from '../../domain/errors.ts'

export interface Fence {
  /** The line that opens it, counted from 1. */
  readonly line: number
  /** Backticks or tildes; the closing line has at least as many. */
  readonly marks: string
}

const fenceLine = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})([^\n]*)$/

export const hunkHead = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@/

const headerOfGit =
  /^(?:(?:old|new|deleted file|new file) mode \d{6}|(?:dis)?similarity index \d+%|index [0-9a-f]{4,64}\.\.[0-9a-f]{4,64}(?: \d{6})?|(?:rename|copy) (?:from|to) .*)\r?$/

/** The fence that is still open after these lines; null when none is. */
export function openFence(lines: readonly string[]): Fence | null {
  let fence: Fence | null = null
  for (const [index, line] of lines.entries()) {
    if (fence !== null) {
      if (closes(fence, line)) fence = null
      continue
    }
    const marks = fenceLine.exec(line)?.[1]
    if (marks !== undefined) fence = { line: index + 1, marks }
  }
  return fence
}

/** @throws PatchRejectedError MALFORMED when the patch has lost its first line, or begins with a hunk */
export function checkPreface(lines: readonly string[]): void {
  for (const [index, line] of lines.entries()) {
    if (hunkHead.test(line)) throw malformed('A hunk comes before any file header.', index + 1)
    if (headerOfGit.test(line)) throw malformed('A header comes before any "diff --git" line.', index + 1, line)
  }
}

/**
 * Holds what follows the last file of a patch: its fence must end there, and prose must be told from lines that a
 * hunk has lost.
 * @throws PatchRejectedError MALFORMED
 */
export function checkRest(lines: readonly string[], from: number, fence: Fence | null): void {
  const signed = afterSignature(lines, skipBlanks(lines, from))
  let at = skipBlanks(lines, signed ?? from)
  if (fence !== null) {
    if (at === lines.length) {
      const words = `The Markdown fence that holds the patch (line ${fence.line}) is not closed`
      throw malformed(`${words}: the text may have been cut.`, null)
    }
    if (!closes(fence, lines[at] ?? '')) throw strayLine(lines, at)
    at++
  } else if (at < lines.length && signed === null) {
    const isApart = isBlank(lines[at - 1] ?? '')
    if (!beginsPatch(lines, at) && (!isApart || /^[ +\-\\]/.test(lines[at] ?? ''))) throw strayLine(lines, at)
  }
  for (; at < lines.length; at++) {
    if (!beginsPatch(lines, at)) continue
    throw malformed('The text holds more than one patch; send each by itself.', at + 1, lines[at])
  }
}

/** `diff --git`, or the two lines of names, also below the command line that `diff -r` writes. */
export function beginsSection(lines: readonly string[], at: number): boolean {
  return lines[at]?.startsWith('diff --git ') === true || namesFollow(lines, isDiffCommand(lines, at) ? at + 1 : at)
}

/** The command line that `diff -r` repeats before each file; it says nothing that the names below do not. */
export function isDiffCommand(lines: readonly string[], at: number): boolean {
  return lines[at]?.startsWith('diff -') === true && !lines[at]?.startsWith('diff --git ') && namesFollow(lines, at + 1)
}

export function namesFollow(lines: readonly string[], at: number): boolean {
  return lines[at]?.startsWith('--- ') === true && lines[at + 1]?.startsWith('+++ ') === true
}

export function isBlank(line: string): boolean {
  return line === '' || line === '\r'
}

/** @param line counted from 1; null when none is to blame */
export function malformed(
  message: string,
  line: number | null,
  text?: string,
  hunk: number | null = null,
): PatchRejectedError {
  const shown = text === undefined ? '' : `: ${Buffer.from(text.slice(0, 200), 'latin1').toString('utf8')}`
  return new PatchRejectedError('MALFORMED', message, {
    hunk,
    details: line === null ? message : `${message.replace(/\.$/, '')} (line ${line} of the patch${shown})`,
  })
}

function strayLine(lines: readonly string[], at: number): PatchRejectedError {
  const line = lines[at] ?? ''
  if (/^Binary files .* differ\r?$/.test(line)) {
    const words = 'The patch names a binary file and does not have its content'
    return malformed(`${words}: make it with \`git diff --binary\`.`, at + 1, line)
  }
  return malformed('A line belongs to no file and no hunk.', at + 1, line)
}

function beginsPatch(lines: readonly string[], at: number): boolean {
  const line = lines[at] ?? ''
  return beginsSection(lines, at) || hunkHead.test(line) || /^(?:GIT binary patch|diff --(?:cc|combined) )/.test(line)
}

function closes({ marks }: Fence, line: string): boolean {
  const [, found, rest] = fenceLine.exec(line) ?? []
  return found?.startsWith(marks) === true && rest?.trim() === ''
}

/** `-- ` and git's version, with which format-patch ends: the line after them, null when they are not there. */
function afterSignature(lines: readonly string[], at: number): number | null {
  if (!/^-- ?\r?$/.test(lines[at] ?? '')) return null
  return /^\d+\.[\w. ()-]*\r?$/.test(lines[at + 1] ?? '') ? at + 2 : at + 1
}

function skipBlanks(lines: readonly string[], from: number): number {
  let at = from
  while (at < lines.length && isBlank(lines[at] ?? '')) at++
  return at
}
