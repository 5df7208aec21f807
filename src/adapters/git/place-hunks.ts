/** Finds where the hunks of one file belong, and what the file becomes. Text is a byte string, lines keep their newline. */

import type { Hunk } from './patch-sections.ts'

type Placement = { readonly result: string } | { readonly lostHunk: number; readonly words: string }

interface Sides {
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/** Comparisons of lines that a patch may cost; more would let it buy minutes of work. */
export const searchBudget = 20_000_000

/** A line costs many times its bytes in memory. */
const maxLines = 1_000_000

export interface SearchBudget {
  left: number
}

/**
 * A hunk is taken where it says, or, when it does not fit there, at the only place where its lines stand.
 * Several such places are a refusal: nobody can tell which one was meant.
 */
export function placeHunks(hunks: readonly Hunk[], text: string, budget: SearchBudget): Placement {
  if (countLines(text) > maxLines) return { lostHunk: 1, words: `is for a file of more than ${maxLines} lines` }
  const lines = splitLines(text)
  const pieces: string[] = []
  let done = 0
  for (const [index, hunk] of hunks.entries()) {
    const lost = (words: string): Placement => ({ lostHunk: index + 1, words })
    const sides = sidesOf(hunk)
    if (sides === null) return lost('has a line without newline that is not the last')
    const { before, after } = sides
    if (before.length === 0 && lines.length > 0) return lost('has no context, so its place cannot be checked')
    const at = findPlace(lines, before, hunk.oldCount === 0 ? hunk.oldStart : hunk.oldStart - 1, budget)
    if (typeof at === 'string') return lost(at)
    const end = at + before.length
    if (at < done) return lost('overlaps the hunk before it or is out of order')
    if (after.at(-1)?.endsWith('\n') === false && end < lines.length) {
      return lost('ends without newline before the end of the file')
    }
    pushAll(pieces, lines, done, at)
    pushAll(pieces, after, 0, after.length)
    done = end
  }
  pushAll(pieces, lines, done, lines.length)
  return { result: pieces.join('') }
}

/** The lines of one side of a hunk that is all of its file; null when it also has others. */
export function wholeSide(hunks: readonly Hunk[], side: 'before' | 'after'): string | null {
  const [hunk, ...others] = hunks
  if (hunk === undefined) return ''
  const sides = sidesOf(hunk)
  if (sides === null || others.length > 0) return null
  return (side === 'before' ? sides.after : sides.before).length === 0 ? sides[side].join('') : null
}

function countLines(text: string): number {
  let count = 1
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}

function splitLines(text: string): string[] {
  const lines = text.split('\n').map((line) => `${line}\n`)
  const last = lines.pop()?.slice(0, -1)
  if (last) lines.push(last)
  return lines
}

/** Null when a line that is not the last of its side has no newline. */
function sidesOf(hunk: Hunk): Sides | null {
  const before: string[] = []
  const after: string[] = []
  for (const [index, line] of hunk.lines.entries()) {
    const mark = line.charAt(0)
    if (mark === '\\') continue
    const content = hunk.lines[index + 1]?.startsWith('\\') ? line.slice(1) : `${line.slice(1)}\n`
    if (mark !== '+') before.push(content)
    if (mark !== '-') after.push(content)
  }
  const isSound = (side: readonly string[]) =>
    side.every((line, index) => index === side.length - 1 || line.endsWith('\n'))
  return isSound(before) && isSound(after) ? { before, after } : null
}

/** The place, or why there is none, to be read after "hunk 1". */
function findPlace(
  lines: readonly string[],
  before: readonly string[],
  stated: number,
  budget: SearchBudget,
): number | string {
  if (fits(lines, before, stated, budget)) return stated
  let found: number | null = null
  for (let at = 0; at + before.length <= lines.length; at++) {
    if (budget.left <= 0) return 'is not where it says, and searching for it takes too long'
    if (!fits(lines, before, at, budget)) continue
    if (found !== null) return 'is not where it says, and its lines stand at several other places'
    found = at
  }
  return found ?? 'does not fit: its context and removed lines are not in the file'
}

function fits(lines: readonly string[], before: readonly string[], at: number, budget: SearchBudget): boolean {
  if (at < 0 || at + before.length > lines.length) return false
  for (const [index, line] of before.entries()) {
    budget.left--
    if (lines[at + index] !== line) return false
  }
  return true
}

function pushAll(target: string[], source: readonly string[], from: number, to: number): void {
  for (let index = from; index < to; index++) target.push(source[index] ?? '')
}
