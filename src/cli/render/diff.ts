import type { Style } from './style.ts'
import { visiblePatch } from './visible-text.ts'

interface HunkSize {
  old: number
  new: number
}

/** `@@ -3 +3,2 @@`: a size that is left out is 1. */
const hunkHeader = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/

/**
 * A patch in colour. Lines are told apart by the sizes in each hunk's header, so that a removed line that reads
 * `-- a/x` is not taken for the head of a file.
 */
export const renderDiff = (patch: string, style: Style): string => {
  const left: HunkSize = { old: 0, new: 0 }
  return visiblePatch(patch)
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => renderLine(line, left, style))
    .join('\n')
}

const renderLine = (line: string, left: HunkSize, style: Style): string => {
  if (left.old > 0 || left.new > 0) {
    if (line.startsWith('+')) {
      left.new -= 1
      return style.good(line)
    }
    if (line.startsWith('-')) {
      left.old -= 1
      return style.bad(line)
    }
    if (line.startsWith('\\')) return style.faint(line)
    left.old -= 1
    left.new -= 1
    return line
  }
  const hunk = hunkHeader.exec(line)
  if (hunk) {
    left.old = Number(hunk[1] ?? 1)
    left.new = Number(hunk[2] ?? 1)
    return style.place(line)
  }
  return line.startsWith('\\') ? style.faint(line) : style.strong(line)
}
