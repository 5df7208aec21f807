/**
 * Cuts a patch into the sections of its files. Strict: every line belongs to a header, a hunk or a binary block that
 * is understood, so that nobody downstream can read the text in another way. Text is a byte string.
 */

import { PatchRejectedError } from '../../domain/errors.ts'
import {
  type BinaryHunk,
  BinaryPatchError,
  type InflateBudget,
  InflateBudgetError,
  readBinaryHunk,
} from './binary-patch.ts'
import {
  beginsSection,
  checkPreface,
  checkRest,
  hunkHead,
  isBlank,
  isDiffCommand,
  malformed,
  namesFollow,
  openFence,
} from './patch-envelope.ts'

export interface Hunk {
  readonly oldStart: number
  readonly oldCount: number
  readonly newStart: number
  readonly newCount: number
  /** With their first character and without their newline; "\ No newline" lines included. */
  readonly lines: readonly string[]
}

/** What the lines of one file say, names as they stand there (still quoted, still prefixed). */
export interface PatchSection {
  /** The line at which it begins, counted from 1. */
  readonly line: number
  /** What follows `diff --git `; null for a section of only `---` and `+++`. */
  readonly diffLine: string | null
  /** Extended headers by their first words: "rename from", "new file mode", "index". */
  readonly headers: ReadonlyMap<string, string>
  readonly minus: string | null
  readonly plus: string | null
  readonly hunks: readonly Hunk[]
  readonly binary: BinaryHunk | null
}

interface CutPatch {
  readonly sections: readonly PatchSection[]
  /** The lines that belong to sections: from the first header on, without what follows the last one. */
  readonly from: number
  readonly to: number
}

const headerWords = [
  'old mode',
  'new mode',
  'deleted file mode',
  'new file mode',
  'copy from',
  'copy to',
  'rename from',
  'rename to',
  'similarity index',
  'dissimilarity index',
  'index',
] as const

interface CutLimits {
  readonly files: number
  readonly fileBytes: number
  /** Of all binary blocks together, inflated. */
  readonly readBytes: number
}

/** @throws PatchRejectedError MALFORMED, EMPTY or TOO_LARGE */
export function cutPatch(lines: readonly string[], limits: CutLimits): CutPatch {
  let at = lines.findIndex((_, index) => beginsSection(lines, index))
  if (at < 0) {
    if (lines.every((line) => line.trim() === '')) throw new PatchRejectedError('EMPTY', 'The patch is empty.')
    throw malformed('The text has no "diff --git" line and no "---" and "+++" lines, so it is no patch.', null)
  }
  checkPreface(lines.slice(0, at))
  const fence = openFence(lines.slice(0, at))
  const from = at
  let to = at
  const sections: PatchSection[] = []
  const budget = { left: limits.readBytes }
  while (at < lines.length) {
    if (isBlank(lines[at] ?? '')) at++
    else if (beginsSection(lines, at)) {
      if (sections.length === limits.files) {
        throw new PatchRejectedError('TOO_LARGE', `The patch touches more than ${limits.files} files.`)
      }
      const read = readSection(lines, at, limits.fileBytes, budget)
      sections.push(read.section)
      at = read.next
      to = at
    } else break
  }
  checkRest(lines, to, fence)
  return { sections, from, to }
}

function readSection(
  lines: readonly string[],
  start: number,
  maxBytes: number,
  budget: InflateBudget,
): { section: PatchSection; next: number } {
  let at = isDiffCommand(lines, start) ? start + 1 : start
  const first = headerLine(lines, at)
  const diffLine = first.startsWith('diff --git ') ? first.slice('diff --git '.length) : null
  const headers = new Map<string, string>()
  if (diffLine !== null) {
    for (at++; at < lines.length; at++) {
      const line = headerLine(lines, at)
      const word = headerWords.find((each) => line.startsWith(`${each} `))
      if (word === undefined) break
      if (headers.has(word)) throw malformed(`A file has two "${word}" lines.`, at + 1, line)
      headers.set(word, line.slice(word.length + 1))
    }
  }
  let minus: string | null = null
  let plus: string | null = null
  if (namesFollow(lines, at)) {
    minus = headerLine(lines, at).slice('--- '.length)
    plus = headerLine(lines, at + 1).slice('+++ '.length)
    at += 2
  }
  const hunks: Hunk[] = []
  while (hunkHead.test(lines[at] ?? '')) {
    if (minus === null) throw malformed('A hunk follows no "---" and "+++" lines.', at + 1)
    const read = readHunk(lines, at, hunks.length + 1)
    hunks.push(read.hunk)
    at = read.next
  }
  if (minus !== null && hunks.length === 0)
    throw malformed('A file has "---" and "+++" lines and no hunk.', at + 1, lines[at])
  let binary: BinaryHunk | null = null
  if (minus === null && headerLine(lines, at) === 'GIT binary patch') {
    const read = readBinary(lines, at + 1, maxBytes, budget)
    binary = read.hunk
    at = read.next
  }
  return { section: { line: start + 1, diffLine, headers, minus, plus, hunks, binary }, next: at }
}

function readHunk(lines: readonly string[], start: number, number: number): { hunk: Hunk; next: number } {
  const [, oldStart, oldCount, newStart, newCount] = hunkHead.exec(lines[start] ?? '') ?? []
  const hunk = {
    oldStart: Number(oldStart),
    oldCount: Number(oldCount ?? 1),
    newStart: Number(newStart),
    newCount: Number(newCount ?? 1),
  }
  const body: string[] = []
  let oldLeft = hunk.oldCount
  let newLeft = hunk.newCount
  let at = start + 1
  for (; at < lines.length && (oldLeft > 0 || newLeft > 0); at++) {
    // Some tools cut the blank of an empty context line; as the last of the text it is only its end.
    const line = lines[at] === '' && at < lines.length - 1 ? ' ' : (lines[at] ?? '')
    const mark = line.charAt(0)
    if (mark === ' ' || mark === '-') oldLeft--
    if (mark === ' ' || mark === '+') newLeft--
    if (![' ', '-', '+', '\\'].includes(mark) || oldLeft < 0 || newLeft < 0) break
    body.push(line)
  }
  if (oldLeft !== 0 || newLeft !== 0) {
    const words = `hunk ${number} says ${hunk.oldCount} old and ${hunk.newCount} new lines and has others`
    throw malformed(`The patch is corrupt: ${words}.`, at + 1, lines[at], number)
  }
  if (lines[at]?.startsWith('\\ ')) body.push(lines[at++] ?? '')
  return { hunk: { ...hunk, lines: body }, next: at }
}

function readBinary(
  lines: readonly string[],
  start: number,
  maxBytes: number,
  budget: InflateBudget,
): { hunk: BinaryHunk; next: number } {
  try {
    const { hunk, next } = readBinaryHunk(lines, start, maxBytes, budget)
    // The way back, for `git apply --reverse`, is not used; when it is not whole, git drops the file and goes on.
    const hasBack = /^(literal|delta) /.test(lines[next] ?? '')
    const back = hasBack ? readBinaryHunk(lines, next, maxBytes, budget).next : next
    return { hunk, next: Math.min(back, lines.length) }
  } catch (error) {
    if (error instanceof BinaryPatchError) throw malformed(`The patch is corrupt: ${error.message}.`, start + 1)
    if (error instanceof InflateBudgetError) {
      throw new PatchRejectedError('TOO_LARGE', `The patch is too large: ${error.message}.`)
    }
    throw error
  }
}

/** A header of a patch that was saved with CRLF line ends; within hunks a CR is content. */
function headerLine(lines: readonly string[], at: number): string {
  return (lines[at] ?? '').replace(/\r$/, '')
}
