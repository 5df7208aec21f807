import { visiblePatch } from '../render/visible-text.ts'

export interface PatchLine {
  readonly kind: 'head' | 'hunk' | 'added' | 'removed' | 'context' | 'note'
  /** Visible text, with its sign. */
  readonly text: string
  /** Where a remark on it goes, as `14`, or `-12` for a line that was there before only. Empty outside hunks. */
  readonly place: string
}

const hunkHeader = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/

/**
 * The lines of one file's patch, told apart by the sizes in each hunk's header, so that a removed line that reads
 * `-- a/x` is not taken for the head of a file. Hunks are named by the numbers that keepHunks takes.
 * @param hunks the numbers of this file's hunks, in order
 */
export const patchLines = (patch: string, hunks: readonly number[]): readonly PatchLine[] => {
  const lines: PatchLine[] = []
  let oldLeft = 0
  let newLeft = 0
  let oldLine = 0
  let newLine = 0
  let seen = 0
  for (const text of visiblePatch(patch).replace(/\n$/, '').split('\n')) {
    if (text.startsWith('\\')) {
      lines.push({ kind: 'note', text, place: '' })
    } else if (oldLeft <= 0 && newLeft <= 0) {
      const header = hunkHeader.exec(text)
      if (!header) {
        lines.push({ kind: 'head', text, place: '' })
        continue
      }
      oldLine = Number(header[1])
      oldLeft = Number(header[2] ?? 1)
      newLine = Number(header[3])
      newLeft = Number(header[4] ?? 1)
      const name = hunks[seen] === undefined ? '' : `hunk ${hunks[seen]}  `
      seen += 1
      lines.push({ kind: 'hunk', text: `${name}${text}`, place: '' })
    } else if (text.startsWith('-')) {
      lines.push({ kind: 'removed', text, place: `-${oldLine}` })
      oldLine += 1
      oldLeft -= 1
    } else {
      const isAdded = text.startsWith('+')
      lines.push({ kind: isAdded ? 'added' : 'context', text, place: String(newLine) })
      newLine += 1
      newLeft -= 1
      if (isAdded) continue
      oldLine += 1
      oldLeft -= 1
    }
  }
  return lines
}
